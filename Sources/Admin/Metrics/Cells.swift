internal import Metrics
internal import Synchronization

/// A counter.
final class CounterCell: CounterHandler {
    private let state = Mutex<Int64>(0)

    var value: Double { Double(state.withLock { $0 }) }

    func increment(by amount: Int64) {
        state.withLock { $0 &+= max(0, amount) }
    }

    func reset() {
        state.withLock { $0 = 0 }
    }
}

/// A histogram: counts of values by upper bound; times are in seconds.
final class HistogramCell: TimerHandler, RecorderHandler {
    private let state = Mutex(Histogram())

    var value: Histogram { state.withLock { $0 } }

    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }

    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        state.withLock { $0.observe(value) }
    }
}

/// A gauge: the last value.
final class GaugeCell: RecorderHandler {
    private let state = Mutex<Double>(0)

    var value: Double { state.withLock { $0 } }

    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        state.withLock { $0 = value }
    }
}
