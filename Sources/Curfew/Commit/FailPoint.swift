#if DEBUG
internal import Foundation
internal import Glibc
internal import Synchronization
#endif

/// A named place where the crash matrix holds an instance up, to kill it or to disturb Redis just there.
///
/// Debug builds know them, and only where `CURFEW_FAIL_POINTS` names some; a release build contains none of it. The
/// variable is a list of `place@cleanup#arrival=file`, separated by spaces. Whoever arrives at the place so often, or more
/// often, and can make the file (only the first of all instances can) writes its process id into it and waits there until
/// somebody writes more.
enum FailPoint {
    /// The run has its lease, and has not looked at anything yet.
    case afterClaim
    /// Records were read, and nothing is decided.
    case afterRead
    /// A page is decided and encoded, and the last look at the lease is over.
    case beforeCommit
    /// A page is written, and not counted.
    case afterCommit
    /// Records are claimed; storage has not heard of their objects.
    case beforeDeletion
    /// Storage has deleted objects; nobody here knows.
    case afterDeletion
    /// Objects are gone; their records and index entries are not.
    case beforeRemoval
    /// In a Cluster, a step of a page's saga is over.
    case planned, changed, carriedOut, recorded, cleared, ended
    /// All is done; the end of the run isn't recorded.
    case beforeFinish

    /// Says that a run of a cleanup has come to a place.
    @inline(__always)
    static func reached(_ place: FailPoint, _ cleanup: Cleanup) async {
        #if DEBUG
        await ArmedFailPoints.shared.reached(place, cleanup.name)
        #endif
    }
}

extension Saga.Stage {
    /// Where the crash matrix holds up an instance whose saga has come so far.
    var failPoint: FailPoint {
        switch self {
        case .planned: .planned
        case .changed: .changed
        case .carriedOut: .carriedOut
        case .recorded: .recorded
        case .cleared: .cleared
        case .ended: .ended
        }
    }
}

#if DEBUG
/// What the environment of this process says about fail points.
private final class ArmedFailPoints: Sendable {
    private struct Point: Sendable {
        let name: Substring
        let arrival: Int
        let file: String
    }

    static let shared = ArmedFailPoints(ProcessInfo.processInfo.environment["CURFEW_FAIL_POINTS"] ?? "")

    private let points: [Point]
    private let arrivals = Mutex<[Substring: Int]>([:])

    init(_ text: String) {
        points = text.split(separator: " ").map { item in
            guard let (_, name, arrival, file) = item.wholeMatch(of: /([^#]+)#(\d+)=(.+)/)?.output,
                let arrival = Int(arrival)
            else { preconditionFailure("CURFEW_FAIL_POINTS: expected place@cleanup#arrival=file, found \(item)") }
            return Point(name: name, arrival: arrival, file: String(file))
        }
    }

    func reached(_ place: FailPoint, _ cleanup: String) async {
        guard !points.isEmpty else { return }
        let name = "\(place)@\(cleanup)"
        for point in points where point.name == name {
            let count = arrivals.withLock { arrivals in
                arrivals[point.name, default: 0] += 1
                return arrivals[point.name, default: 0]
            }
            if count >= point.arrival { await hold(point.file) }
        }
    }

    /// Waits until the file has got longer than what is written into it here.
    private func hold(_ file: String) async {
        let descriptor = open(file, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return }
        let text = Array("\(getpid())\n".utf8)
        let count = write(descriptor, text, text.count)
        close(descriptor)
        var status = stat()
        while stat(file, &status) == 0, status.st_size <= count {
            do {
                try await Task.sleep(for: .milliseconds(1))
            } catch {
                return
            }
        }
    }
}
#endif
