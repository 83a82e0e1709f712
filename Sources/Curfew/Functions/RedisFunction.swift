internal import RedisClient

/// Curfew's functions, by their names in the library's text.
package enum RedisFunction: String, CaseIterable, Sendable {
    /// See ``VersionCall``.
    case version = "curfew_version"
    /// See ``RegisterCall``.
    case register = "curfew_register"
    /// See ``TickCall``.
    case tick = "curfew_tick"
    /// See ``ClaimCall``.
    case claim = "curfew_claim"
    /// See ``RenewCall``.
    case renew = "curfew_renew"
    /// See ``FinishCall``.
    case finish = "curfew_finish"
    /// See ``ScanClaimCall``.
    case scanClaim = "curfew_scan_claim"
    /// See ``ScanReportCall``.
    case scanReport = "curfew_scan_report"
    /// See ``CommitArguments``.
    case commit = "curfew_commit"
    /// See ``CommitArguments``: for small writes of Curfew's own keys or for writes that only free memory; also works
    /// if Redis is full.
    case note = "curfew_note"
    /// See ``CommitArguments``: returns what a commit would return, and writes nothing.
    case check = "curfew_check"
    /// See ``CommitArguments``: for one node of a cluster.
    case commitPart = "curfew_commit_part"
    /// See ``CommitArguments``: for one node of a cluster, small or only freeing memory; also works if Redis is full.
    case notePart = "curfew_note_part"
    /// See ``CommitArguments``: for one node of a cluster; writes nothing.
    case checkPart = "curfew_check_part"
    /// See ``RefundLookupCall``.
    case look = "curfew_look"
    /// See ``RecordEventsCall``.
    case recordEvents = "curfew_record_events"
    /// See ``UnlistCall``.
    case unlist = "curfew_unlist"
    /// See ``OverviewCall``.
    case overview = "curfew_overview"

    /// Whether it writes nothing; such functions are registered as read-only and called with `FCALL_RO`.
    package var isReadOnly: Bool {
        switch self {
        case .version, .check, .checkPart, .look, .overview: true
        case .register, .tick, .claim, .renew, .finish, .scanClaim, .scanReport, .commit, .note, .commitPart, .notePart,
            .recordEvents, .unlist:
            false
        }
    }

    /// The name on a server, which ends with the version; the function for redis-cli users has the same name in all
    /// versions.
    package var name: String { self == .overview ? rawValue : rawValue + Self.ending }

    private static let ending = "_\(FunctionLibrary.version)"

    /// The beginning of a call; further keys, if it declares more, and the arguments follow.
    func command(keys: [String], of count: Int? = nil, _ arguments: [String] = []) -> RedisCommand {
        RedisCommand(isReadOnly ? "FCALL_RO" : "FCALL", [name, String(count ?? keys.count)] + keys + arguments)
    }
}

/// A call of a function: the only place that knows the order of its arguments and the form of its answer.
///
/// The Lua part named in its comment documents the arguments.
protocol FunctionCall: Sendable {
    associatedtype Answer

    /// The command.
    var command: RedisCommand { get }

    /// Parses the answer; throws if it is invalid.
    func answer(_ reply: RedisValue) throws(CurfewError) -> Answer
}

extension FunctionCall {
    /// The error for an invalid answer.
    static func unexpected(_ function: RedisFunction) -> CurfewError {
        CurfewError(
            .damaged, "\(function.rawValue) returned an unexpected answer: is another library loaded as curfew?")
    }
}

/// Returns the version of the loaded library.
struct VersionCall: FunctionCall {
    var command: RedisCommand { RedisFunction.version.command(keys: []) }

    func answer(_ reply: RedisValue) -> String? { reply.string }
}

/// Returns the schedule, leases and instances as text lines.
struct OverviewCall: FunctionCall {
    let keys: Keys

    var command: RedisCommand { RedisFunction.overview.command(keys: [keys.schedule]) }

    func answer(_ reply: RedisValue) -> [String] { reply.elements.compactMap(\.string) }
}

extension [String] {
    /// A count, then names and values: the form of field lists in arguments.
    mutating func append(fields: [(String, String)]) {
        append(String(fields.count))
        for (name, value) in fields {
            append(name)
            append(value)
        }
    }
}
