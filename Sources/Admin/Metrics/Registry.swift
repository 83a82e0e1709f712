internal import Metrics
internal import Synchronization

/// A small backend for swift-metrics: what this process measures, for `/metrics`.
///
/// Counters stay counters, timers and distributions become histograms in seconds, everything else becomes a gauge. The
/// number of series is limited; further series are dropped.
final class Registry: MetricsFactory {
    /// The most series.
    static let most = 2_000

    /// One series: a name with its labels.
    private struct Series: Hashable {
        let name: String
        let labels: [[String]]

        init(_ name: String, _ dimensions: [(String, String)]) {
            self.name = name
            labels = dimensions.map { [$0.0, $0.1] }
        }

        var pairs: MetricLabels { labels.map { ($0[0], $0[1]) } }
        var order: String { labels.joined().joined(separator: "\u{1}") }
    }

    private let cells = Mutex<[Series: any AnyObject & Sendable]>([:])

    func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        cell(Series(label, dimensions)) { CounterCell() }
    }

    func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        let series = Series(label, dimensions)
        if aggregate { return cell(series) { HistogramCell() } }
        return cell(series) { GaugeCell() }
    }

    func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        cell(Series(label, dimensions)) { HistogramCell() }
    }

    func destroyCounter(_ handler: any CounterHandler) { remove(handler) }

    func destroyRecorder(_ handler: any RecorderHandler) { remove(handler) }

    func destroyTimer(_ handler: any TimerHandler) { remove(handler) }

    /// Writes all series, with the help text of each name.
    func write(to text: inout some MetricsWriter, help: [String: String]) {
        let cells = cells.withLock { $0 }
        for (name, all) in Dictionary(grouping: cells, by: \.key.name).sorted(by: { $0.key < $1.key }) {
            let ordered = all.sorted { $0.key.order < $1.key.order }
            let help = help[name] ?? name
            text.add(
                name, .counter, help,
                ordered.compactMap { series, cell in (cell as? CounterCell).map { (series.pairs, $0.value) } })
            text.add(
                name, .gauge, help,
                ordered.compactMap { series, cell in (cell as? GaugeCell).map { (series.pairs, $0.value) } })
            text.add(
                name, help,
                ordered.compactMap { series, cell in (cell as? HistogramCell).map { (series.pairs, $0.value) } })
        }
    }

    private func cell<Cell: AnyObject & Sendable>(_ series: Series, _ make: () -> Cell) -> Cell {
        cells.withLock { cells in
            if let cell = cells[series] as? Cell { return cell }
            let cell = make()
            if cells.count < Self.most, cells[series] == nil { cells[series] = cell }
            return cell
        }
    }

    private func remove(_ handler: any AnyObject) {
        cells.withLock { $0 = $0.filter { $0.value !== handler } }
    }
}
