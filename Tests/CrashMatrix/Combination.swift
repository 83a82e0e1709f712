/// Which Redis a case runs on.
enum Topology: String, CaseIterable, Sendable {
    case standalone, sentinel, cluster
}

/// What happens to the instance that is held up, to Redis, or to what is between them.
enum Fault: String, CaseIterable, Sendable {
    /// The instance is killed (`SIGKILL`).
    case kill
    /// It is frozen until another has taken over, and wakes with what it was about to do.
    case freeze
    /// It is told to end (`SIGTERM`).
    case terminate
    /// Redis is killed, and starts again with its append-only file.
    case restart
    /// The primary goes, and a replica takes its place.
    case failover
    /// The slots of what is being written move to another node.
    case migrate
    /// The connection is cut, loses its answers, or falls silent.
    case cut
    /// The clock of the instance is an hour off.
    case clock

    /// Where it can happen at all.
    func isPossible(on topology: Topology) -> Bool {
        switch self {
        case .failover: topology != .standalone
        case .migrate: topology == .cluster
        default: true
        }
    }
}

/// Where the instance is held up when the fault strikes.
enum Step: String, CaseIterable, Sendable {
    case afterClaim = "after-claim"
    case afterRead = "after-read"
    case beforeCommit = "before-commit"
    /// The commit has reached Redis; its answer is lost on the way back.
    case commitUnanswered = "commit-unanswered"
    case afterCommit = "after-commit"
    /// In a Cluster a page is written in steps, each of which is over here.
    case planned, changed
    case carriedOut = "carried-out"
    case recorded, cleared, ended
    case beforeDeletion = "before-deletion"
    case afterDeletion = "after-deletion"
    /// The objects are gone; the records and their index entries are not.
    case beforeRemoval = "before-removal"
    case beforeFinish = "before-finish"

    /// The engine's name of the place.
    var failPoint: String {
        switch self {
        case .afterClaim: "afterClaim"
        case .afterRead: "afterRead"
        case .beforeCommit, .commitUnanswered: "beforeCommit"
        case .afterCommit: "afterCommit"
        case .planned, .changed, .recorded, .cleared, .ended: rawValue
        case .carriedOut: "carriedOut"
        case .beforeDeletion: "beforeDeletion"
        case .afterDeletion: "afterDeletion"
        case .beforeRemoval: "beforeRemoval"
        case .beforeFinish: "beforeFinish"
        }
    }

    /// The cleanups that come by there, and the arrival from which one is held up at the latest.
    var places: [(cleanup: String, lastArrival: Int)] {
        switch self {
        case .beforeDeletion, .afterDeletion: [("files", 1)]
        case .beforeRemoval: [("files", 2)]
        case .afterClaim, .beforeFinish: Workload.cleanups.map { ($0, 1) }
        default: [("stuck-jobs", 6), ("stuck-jobs", 6), ("generations", 2), ("archive", 2), ("locks", 2), ("files", 2)]
        }
    }

    /// Where it exists: only a proxy of ours can lose an answer, and only in a Cluster are pages written in steps.
    func isPossible(on topology: Topology) -> Bool {
        switch self {
        case .commitUnanswered: topology == .standalone
        case .afterCommit: topology != .cluster
        case .planned, .changed, .carriedOut, .recorded, .cleared, .ended: topology == .cluster
        default: true
        }
    }
}

/// One cell of the matrix.
struct Combination: Hashable, Sendable, CustomStringConvertible {
    let topology: Topology
    let fault: Fault
    let step: Step

    var description: String { "\(topology.rawValue)/\(fault.rawValue)/\(step.rawValue)" }

    /// Every cell that there is.
    static let all: [Combination] = Topology.allCases.flatMap { topology in
        Fault.allCases.filter { $0.isPossible(on: topology) }.flatMap { fault in
            Step.allCases.filter { $0.isPossible(on: topology) }.map { step in
                Combination(topology: topology, fault: fault, step: step)
            }
        }
    }
}
