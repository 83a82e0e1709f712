internal import Logging
internal import Policies
internal import RedisClient
internal import Synchronization

/// A group of runs of this instance whose progress is in Redis, and which can be cancelled from any instance.
///
/// One task writes the progress and looks for a request to stop, ten times a second. It stops the current run by its
/// control, and the group starts no other. If it could not write for the length of a lease, others take the group for
/// lost, so it ends as lost even if Redis is reachable again: what callers were told stays true.
package final class PublishedGroup: Sendable {
    /// How often the state is written.
    private static let interval = Duration.milliseconds(100)

    private struct State {
        var group: GroupState
        /// The number of the current cleanup, and the control of its run.
        var number = 0
        var control: RunControl?
        var stop: RunControl.Stop?
    }

    private let engine: Engine
    private let cleanups: [Cleanup]
    private let progress: GroupProgress
    private let state: Mutex<State>
    /// Its id.
    package let id: String

    private init(_ engine: Engine, _ cleanups: [Cleanup], _ group: GroupState) {
        (self.engine, self.cleanups, id) = (engine, cleanups, group.id)
        progress = GroupProgress(cleanups.map { engine.configuration.work(of: $0) })
        var group = group
        group.place = progress.start
        state = Mutex(State(group: group))
    }

    /// Creates a group and writes its state, so that every instance knows its id.
    ///
    /// - Parameter type: the name that was asked for.
    package static func begin(
        _ engine: Engine, type: String, cleanups: [Cleanup], person: String
    ) async throws(CurfewError) -> PublishedGroup {
        let now = try await engine.serverClock().now
        let group = PublishedGroup(
            engine, cleanups,
            GroupState(
                id: GroupState.newID(), type: type, instance: engine.instance.id, person: person, began: now,
                trusted: now + engine.coordinator.lease))
        try await group.write(group.current)
        return group
    }

    /// Its state.
    package var current: GroupState { state.withLock(\.group) }

    /// Why no further cleanup may be run; nil if it may.
    package var obstacle: String? { state.withLock { $0.stop.map(Self.words) } }

    private static func words(of stop: RunControl.Stop) -> String {
        switch stop {
        case .cancelled(let who): "the job was cancelled by \(who)"
        case .handedOver: "the instance is shutting down"
        case .lost, .timedOut: "the instance could not reach Redis, and the job was taken for lost"
        }
    }

    /// The cleanup of that number is next.
    package func reached(_ number: Int) {
        state.withLock { state in
            (state.number, state.control) = (number, nil)
            state.group.cleanup = cleanups[number].name
        }
        update()
    }

    /// A run of the current cleanup begins.
    package func began(_ run: Run) {
        let stop = state.withLock { state in
            state.control = run.control
            return state.stop
        }
        if let stop { run.control.stop(stop) }
    }

    /// Stops the current run after its page, and the group with it; the first reason stays.
    package func stop(_ reason: RunControl.Stop) {
        let control = state.withLock { state in
            state.stop = state.stop ?? reason
            return state.control
        }
        control?.stop(reason)
    }

    /// Writes the state and looks for a request to stop, until the task is cancelled.
    package func publish() async {
        var outage = Outage()
        while !Task.isCancelled {
            do {
                try await Task.sleep(for: Self.interval)
                try await publishOnce()
                _ = outage.ended()
            } catch is CancellationError {
                return
            } catch {
                guard !Task.isCancelled, outage.failed(error) != nil else { continue }
                engine.logger.warning(
                    "the progress of a job was not published", metadata: ["job": "\(id)", "error": "\(error)"])
            }
        }
    }

    private func publishOnce() async throws(CurfewError) {
        let now = try await engine.serverClock().now
        guard now <= current.trusted else { return stop(.lost) }
        update(trusted: now + engine.coordinator.lease)
        if let person = try await write(current) { stop(.cancelled(by: person)) }
    }

    /// Takes the progress over from the current run.
    private func update(trusted: Timestamp? = nil) {
        state.withLock { state in
            let run = state.control?.progress
            let place = progress.place(
                during: state.number, percent: run?.percent ?? 0,
                hasBegun: run.map { $0.percent > 0 || $0.found > 0 } ?? false)
            if place.percent >= state.group.place.percent { state.group.place = place }
            if let trusted { state.group.trusted = trusted }
        }
    }

    /// Writes the whole state; returns who has asked the group to stop, if anybody has.
    @discardableResult
    private func write(_ group: GroupState) async throws(CurfewError) -> String? {
        let key = engine.keys.group(id)
        let replies = try await engine.redis.replies(
            to: [
                RedisCommand("HSET", [key] + group.fields),
                RedisCommand("PEXPIRE", [key, String(GroupState.kept.milliseconds)]),
                RedisCommand("HGET", [key, "cancel"]),
            ], "writing \(key)")
        return replies[2].string
    }

    /// Writes the end, with the answer as JSON.
    ///
    /// It is tried for as long as a lease lasts: after that the group is taken for lost anyway.
    package func end(_ group: GroupOfRuns, result: String) async {
        let end = ContinuousClock.now.advanced(by: engine.coordinator.lease)
        var retries = Retries(Backoff(most: .seconds(1)))
        while true {
            do {
                let now = try await engine.serverClock().now
                try await write(ended(group, result: result, at: now))
                return
            } catch {
                guard ContinuousClock.now < end, error.underlying?.code != .shuttingDown else {
                    return engine.logger.error(
                        "the end of a job was not recorded", metadata: ["job": "\(id)", "error": "\(error)"])
                }
            }
            do {
                try await Task.sleep(for: retries.failed())
            } catch {
                return
            }
        }
    }

    private func ended(_ runs: GroupOfRuns, result: String, at now: Timestamp) -> GroupState {
        state.withLock { state in
            (state.group.ended, state.group.result, state.group.cleanup) = (now, result, "")
            // A request to stop may come when everything is done.
            guard let stop = state.stop, runs.isCut else {
                state.group.status = runs.status
                state.group.place = GroupProgress.end
                if runs.status == .failed { state.group.place.step = "Failed" }
                return state.group
            }
            state.group.error = Self.words(of: stop)
            (state.group.status, state.group.place.step) =
                stop == .lost ? (.lost, "Lost") : (.cancelled, "Cancelled")
            return state.group
        }
    }
}
