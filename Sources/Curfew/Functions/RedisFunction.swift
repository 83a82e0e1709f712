internal import RedisClient

/// Curfew's functions, by their names in the library's text.
package enum RedisFunction: String, CaseIterable, Sendable {
    /// See ``VersionCall``.
    case version = "curfew_version"
    /// See ``TickCall``.
    case tick = "curfew_tick"
    /// See ``TickCall``, with an entry in the events.
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
    /// See ``CommitArguments``: for what is Curfew's own and small, or only frees; also where Redis is full.
    case note = "curfew_note"
    /// See ``CommitArguments``: says what would become of the changes, and writes nothing.
    case check = "curfew_check"
    /// See ``CommitArguments``: for one node of a Cluster.
    case commitPart = "curfew_commit_part"
    /// See ``CommitArguments``: for one node of a Cluster, and only frees, or is small; also where Redis is full.
    case notePart = "curfew_note_part"
    /// See ``CommitArguments``: for one node of a Cluster, and writes nothing.
    case checkPart = "curfew_check_part"
    /// See ``RefundLookupCall``.
    case look = "curfew_look"
    /// See ``RecordEventsCall``.
    case recordEvents = "curfew_record_events"
    /// See ``UnlistCall``.
    case unlist = "curfew_unlist"
    /// See ``OverviewCall``.
    case overview = "curfew_overview"

    /// Whether it writes nothing; Redis takes its word for it, and refuses those that do under `FCALL_RO`.
    package var isReadOnly: Bool {
        switch self {
        case .version, .check, .checkPart, .look, .overview: true
        case .tick, .claim, .renew, .finish, .scanClaim, .scanReport, .commit, .note, .commitPart, .notePart,
            .recordEvents, .unlist:
            false
        }
    }

    /// The name on a server, which ends with the version of the library; that for people is the same in all versions.
    package var name: String { self == .overview ? rawValue : rawValue + Self.ending }

    private static let ending = "_\(FunctionLibrary.version)"

    /// The beginning of a call: what follows are other keys, if it says that there are more, and the arguments.
    func command(keys: [String], of count: Int? = nil, _ arguments: [String] = []) -> RedisCommand {
        RedisCommand(isReadOnly ? "FCALL_RO" : "FCALL", [name, String(count ?? keys.count)] + keys + arguments)
    }
}

/// A call of one of the functions: the only place that knows the order of its words and the form of its answer.
///
/// The other half, in the part of the library that is named there, says what the words mean.
protocol FunctionCall: Sendable {
    associatedtype Answer

    /// The call as it is sent.
    var command: RedisCommand { get }

    /// What was answered. Throws where that is nothing that the function says.
    func answer(_ reply: RedisValue) throws(CurfewError) -> Answer
}

extension FunctionCall {
    /// The error for an answer that the function doesn't give.
    static func unexpected(_ function: RedisFunction) -> CurfewError {
        CurfewError(
            .damaged, "\(function.rawValue) answered something unexpected: is another library loaded as curfew?")
    }
}

/// Which version answers.
struct VersionCall: FunctionCall {
    var command: RedisCommand { RedisFunction.version.command(keys: []) }

    func answer(_ reply: RedisValue) -> String? { reply.string }
}

/// Schedule, leases and instances as lines for people.
struct OverviewCall: FunctionCall {
    let keys: Keys

    var command: RedisCommand { RedisFunction.overview.command(keys: [keys.schedule]) }

    func answer(_ reply: RedisValue) -> [String] { reply.elements.compactMap(\.string) }
}

extension [String] {
    /// A count, then names and values: how lists of fields are passed to the functions.
    mutating func append(fields: [(String, String)]) {
        append(String(fields.count))
        for (name, value) in fields {
            append(name)
            append(value)
        }
    }
}
