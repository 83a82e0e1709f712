internal import Policies
internal import RedisClient

/// Renews exactly one lease and publishes the progress of its run: `curfew_renew` in `lease.lua`.
struct RenewCall: FunctionCall {
    let keys: Keys
    let cleanup: String
    /// The term of the lease.
    let term: String
    let lease: Duration
    /// The fields of the lease to update.
    let fields: [(String, String)]

    var command: RedisCommand {
        RedisFunction.renew.command(
            keys: [keys.schedule, keys.lease(cleanup)],
            [cleanup, term, String(lease.milliseconds)] + fields.flatMap { [$0.0, $0.1] })
    }

    /// The answer.
    enum Answer: Equatable {
        /// The lease is renewed; a person may have requested to cancel the run.
        case renewed(cancelledBy: String?)
        /// The lease has another term.
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
