internal import Policies
internal import RedisClient

/// Extends exactly one lease and reports how far its run is: `curfew_renew` in `lease.lua`.
struct RenewCall: FunctionCall {
    let keys: Keys
    let cleanup: String
    /// The lease that is meant.
    let term: String
    let lease: Duration
    /// What is to be said of the run.
    let fields: [(String, String)]

    var command: RedisCommand {
        RedisFunction.renew.command(
            keys: [keys.schedule, keys.lease(cleanup)],
            [cleanup, term, String(lease.milliseconds)] + fields.flatMap { [$0.0, $0.1] })
    }

    /// What became of the lease.
    enum Answer: Equatable {
        /// It is extended; a person may have asked to cancel the run.
        case renewed(cancelledBy: String?)
        /// It is not that one any more.
        case lost
    }

    func answer(_ reply: RedisValue) -> Answer {
        switch reply.string {
        case "lost": .lost
        case "": .renewed(cancelledBy: nil)
        case let name: .renewed(cancelledBy: name)
        }
    }
}
