internal import Policies

/// What a ``Worker`` remembers between its ticks.
struct WorkerMemory {
    var clock: ServerClock?
    var started: Timestamp?
    var roundTrip: Duration = .zero
    var lastBeat: ContinuousClock.Instant?
    /// The number of heartbeats.
    var beats = 0
    /// What the instance may claim; nil until that is known for this configuration.
    var registration: Registration?
    /// What to look at until the next tick, and the order in which this instance does so.
    var agenda = Agenda(end: .now)
    var order: LookOrder
    /// Whether messages said that something has changed on the schedule.
    var hasHeard = false
    /// What ticks step over until the next heartbeat.
    var cursor = TickCursor.start
    var watch: OverdueWatch
    /// The clock of Redis from tick to tick.
    var clockWatch = ClockWatch()
    /// Until when a step of the clock is followed up; nil if there was none.
    var clockFollowUp: ContinuousClock.Instant?
    /// The cleanups whose names mean other records on other instances; nil until that was checked for this
    /// configuration.
    var refused: [String: Definitions.Conflict]?
    /// The cleanups that use the schedule of another instance's newer configuration.
    var waiting: Set<String> = []
    /// Whether Redis may have forgotten the meanings too.
    var isForgotten = false
    /// Why cleanups that were due couldn't be claimed, as far as it was said.
    var flaws: [String: String] = [:]
    /// Whether the definitions of the alerts are published.
    var isAnnounced = false

    /// Whether the meanings of cleanup names are checked again with each heartbeat.
    var isUnsettled: Bool {
        refused?.isEmpty == false || !waiting.isEmpty || clockFollowUp.map { $0 > .now } == true
    }

    init(_ engine: Engine) {
        watch = OverdueWatch(engine: engine)
        order = engine.coordinator.order
    }

    /// Starts with another configuration: everything that depends on it is read and published again.
    mutating func begin(_ engine: Engine) {
        watch = OverdueWatch(engine: engine)
        lastBeat = nil
        beats = 0
        refused = nil
        registration = nil
        isAnnounced = false
    }

    /// The instance has said that it lives.
    ///
    /// The second time comes sooner, by a part of a heartbeat that differs from instance to instance: a fleet that was
    /// started at once doesn't beat as one.
    mutating func hasBeaten(_ coordinator: Coordinator) {
        let early = beats == 0 ? coordinator.heartbeat * (1 - coordinator.order.phase) : .zero
        lastBeat = .now.advanced(by: .zero - early)
        beats += 1
    }

    /// What to look at until the next heartbeat.
    mutating func plan(_ answer: TickAnswer, _ engine: Engine) {
        agenda = answer.agenda
        (cursor, order.mates) = (answer.cursor, answer.mates)
        // The heartbeat may have been asked for meanwhile.
        agenda.end = min(agenda.end, lastBeat.map { $0 + engine.coordinator.heartbeat } ?? .now)
        if clockWatch.isInDoubt { agenda.end = min(agenda.end, .now + .milliseconds(500)) }
    }

    /// A cleanup may have become due: adds a look at it, when it is this instance's turn.
    ///
    /// Without a free place there is nothing to look for: the end of a run is a reason for a tick.
    mutating func heard(of cleanup: String, isFree: Bool) {
        hasHeard = true
        guard isFree, let delay = order.delay(for: cleanup, isTakeOver: true) else { return }
        let now = ContinuousClock.now
        agenda.add(.init(cleanup: cleanup, due: now, at: now + delay, isFirst: delay == .zero))
    }

    /// Whether one of these cleanups is due all the same; the others are looked at when they will be.
    mutating func isDue(_ cleanups: [String], _ times: [Timestamp?]) -> Bool {
        guard let now = clock?.now else { return true }
        var isDue = false
        for (cleanup, time) in zip(cleanups, times) {
            guard let time, time > now else {
                isDue = true
                continue
            }
            let due = ContinuousClock.now + (time - now)
            guard let delay = order.delay(for: cleanup) else { continue }
            agenda.add(.init(cleanup: cleanup, due: due, at: due + delay, isFirst: delay == .zero))
        }
        return isDue
    }
}
