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
    /// Whether the definitions of the alerts are published.
    var isAnnounced = false

    /// Whether the meanings of cleanup names are checked again with each heartbeat.
    var isUnsettled: Bool {
        refused?.isEmpty == false || !waiting.isEmpty || clockFollowUp.map { $0 > .now } == true
    }

    init(_ engine: Engine) {
        watch = OverdueWatch(engine: engine)
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

    /// How long until the next heartbeat.
    func untilBeat(_ coordinator: Coordinator) -> Duration {
        max(.milliseconds(1), coordinator.heartbeat - (lastBeat?.duration(to: .now) ?? .zero))
    }
}
