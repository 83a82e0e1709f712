internal import RedisClient
internal import Synchronization

/// The marks of a run: which it uses on which node, and which of them are known in Curfew's own slot.
///
/// The pages of a run that are under way at once share it.
final class SagaMarks: Sendable {
    private struct State {
        /// The mark that is in use on each node.
        var current: [RedisClient.Node: SagaMark] = [:]
        /// The marks that are written down.
        var announced: Set<SagaMark> = []
        /// How many pages are under way, or broke off.
        var pages = 0
        /// Those that hold what could not be finished.
        var unfinished: Set<SagaMark> = []
        /// Those under which a call was sent that was never answered: it may still come.
        var doubtful: Set<SagaMark> = []
        /// The fields of pages that are through, which say whose events are written.
        var recorded: Set<String> = []
    }

    private let run: String
    private let term: String
    private let state = Mutex(State())

    /// The marks of a run that has none yet.
    init(run: String, term: String) {
        self.run = run
        self.term = term
    }

    /// The mark for changes on a node; where there is none, one beside this record, which is there.
    func mark(on node: RedisClient.Node, beside record: String) -> SagaMark {
        state.withLock { state in
            if let mark = state.current[node] { return mark }
            let mark = mark(beside: record)
            state.current[node] = mark
            return mark
        }
    }

    /// The mark in the slot of a record.
    func mark(beside record: String) -> SagaMark {
        SagaMark(key: Keys.pending(of: record, run: run), term: term)
    }

    /// A mark isn't where it was: its slot has moved, or is moving.
    func retire(_ mark: SagaMark) {
        state.withLock { state in state.current = state.current.filter { $1 != mark } }
    }

    /// Those of some marks that are not written down yet.
    func unannounced(_ marks: [SagaMark]) -> [SagaMark] {
        state.withLock { state in marks.filter { !state.announced.contains($0) } }
    }

    /// Marks are written down.
    func announced(_ marks: [SagaMark]) {
        state.withLock { $0.announced.formUnion(marks) }
    }

    /// A call under a mark was sent and not answered.
    func doubt(_ mark: SagaMark) {
        _ = state.withLock { $0.doubtful.insert(mark) }
    }

    /// Whether an error is what a server has answered: then the call is over, and can't come any more.
    static func isAnswer(_ error: any Error) -> Bool {
        let redis = CurfewError.redis(behind: error)
        return redis.map { $0.code == .server } ?? (error is CurfewError)
    }

    /// A page begins to use marks.
    func begun() {
        state.withLock { $0.pages += 1 }
    }

    /// A page is over, but for what is left under these marks.
    func ended(_ plan: SagaPlan, left: [SagaMark]) {
        state.withLock { state in
            state.pages -= 1
            state.unfinished.formUnion(left)
            if left.isEmpty { state.recorded.insert(plan.recorded) }
        }
    }

    /// The fields of pages that are through, once.
    func takeRecorded() -> [String] {
        state.withLock { state in
            defer { state.recorded = [] }
            return state.recorded.sorted()
        }
    }

    /// What the run leaves behind.
    struct Ending {
        /// The marks that it needs no more.
        var marks: [SagaMark] = []
        /// The fields of pages that are through.
        var recorded: [String] = []
        /// Of the marks, those that somebody may still come for.
        var doubtful: [SagaMark] = []
        /// The marks that may hold something, and that nobody comes for any more but to finish it.
        var left: [SagaMark] = []
    }

    /// What is left when the run has done what it could, and none of its calls is on its way.
    ///
    /// Where a page broke off, it may be under any of the marks.
    func takeEnding() -> Ending {
        state.withLock { state in
            guard state.pages == 0 else {
                return Ending(left: state.announced.subtracting(state.doubtful).sorted { $0.key < $1.key })
            }
            let left = state.unfinished.intersection(state.announced).subtracting(state.doubtful)
            let marks = state.announced.subtracting(state.unfinished)
            defer {
                state.announced.subtract(marks)
                state.current = state.current.filter { !marks.contains($1) }
                (state.recorded, state.doubtful) = ([], state.doubtful.subtracting(marks))
            }
            return Ending(
                marks: marks.sorted { $0.key < $1.key }, recorded: state.recorded.sorted(),
                doubtful: Array(state.doubtful.intersection(marks)), left: left.sorted { $0.key < $1.key })
        }
    }
}
