internal import Curfew
internal import HTTPTypes
internal import ServiceLifecycle
internal import Synchronization

/// Groups of runs that nobody waits for: they outlive the request that asked for them.
///
/// Their number is limited; further ones are refused, not queued. At a shutdown each hands its current run over and ends.
final class BackgroundGroups: Service {
    /// The most groups of one instance.
    static let most = 8

    private struct Work: Sendable {
        let group: PublishedGroup
        let body: @Sendable () async -> Void
    }

    private struct State {
        var groups: [String: PublishedGroup] = [:]
        /// Places that are taken, by groups and by those that are about to begin.
        var taken = 0
        var isStopping = false
    }

    private let state = Mutex(State())
    private let works: AsyncStream<Work>
    private let continuation: AsyncStream<Work>.Continuation

    init() {
        (works, continuation) = AsyncStream.makeStream(bufferingPolicy: .unbounded)
    }

    /// Begins a group and leaves its body to the service; throws 503 if there is no place for it.
    func begin(
        _ make: () async throws -> PublishedGroup, body: @escaping @Sendable (PublishedGroup) async -> Void
    ) async throws -> PublishedGroup {
        let isFree = state.withLock { state in
            guard state.taken < Self.most, !state.isStopping else { return false }
            state.taken += 1
            return true
        }
        guard isFree else {
            throw AdminError(
                .serviceUnavailable,
                "\(Self.most) jobs are already running on this instance, or it is shutting down: try again later",
                headers: [.retryAfter: "5"])
        }
        do {
            let group = try await make()
            let isStopping = state.withLock { state in
                state.groups[group.id] = group
                return state.isStopping
            }
            if isStopping { group.stop(.handedOver) }
            continuation.yield(Work(group: group) { await body(group) })
            return group
        } catch {
            state.withLock { $0.taken -= 1 }
            throw error
        }
    }

    /// Runs groups until a graceful shutdown.
    func run() async throws {
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { tasks in
                for await work in works {
                    tasks.addTask(executorPreference: globalConcurrentExecutor) { await self.make(work) }
                }
            }
        } onGracefulShutdown: {
            let groups = self.state.withLock { state in
                state.isStopping = true
                return Array(state.groups.values)
            }
            for group in groups { group.stop(.handedOver) }
            self.continuation.finish()
        }
    }

    private func make(_ work: Work) async {
        await work.body()
        state.withLock { state in
            state.groups[work.group.id] = nil
            state.taken -= 1
        }
    }
}
