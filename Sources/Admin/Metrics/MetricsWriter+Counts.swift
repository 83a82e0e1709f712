/// The counters and histograms over the runs of all instances.
extension MetricsWriter {
    /// Adds the values that were read from the streams.
    mutating func add(_ counts: RunMetrics.Counts, _ series: NamedSeries) {
        add(
            "curfew_runs_total", .counter, "Ended runs of all instances.",
            Self.ordered(counts.runs).map {
                (
                    [("cleanup", series.label($0.key[0])), ("status", $0.key[1]), ("dry_run", $0.key[2])],
                    $0.value
                )
            })
        let sums = Dictionary(grouping: Self.ordered(counts.sums)) { $0.key[0] }
        for (_, name, help) in RunMetrics.Counts.sums {
            add(
                name, .counter, help,
                (sums[name] ?? []).map { ([("cleanup", series.label($0.key[1]))], $0.value) })
        }
        add(
            "curfew_records_changed_total", .counter, "Records changed, by action, retried ones included.",
            Self.pairs(counts.actions, "action", series))
        add(
            "curfew_timeouts_total", .counter, "Records past their time, by type.",
            Self.ordered(counts.types).map {
                ([("cleanup", series.label($0.key[0])), ("type", $0.key[1])], $0.value)
            })
        add(
            "curfew_records_seen_total", .counter, "Records looked at, by type if times go by type.",
            Self.pairs(counts.seen, "type", series))
        add(
            "curfew_drift_total", .counter, "By how much counters were off.",
            counts.drifts.sorted { $0.key < $1.key }.map { ([("cleanup", series.label($0.key))], $0.value) })
        addLast(counts.last, series)
        add(
            "curfew_run_duration_seconds", "Duration of runs.",
            Self.histograms(series.histograms(counts.durations), "cleanup"))
        add(
            "curfew_run_lag_seconds", "Delay of scheduled runs.",
            Self.histograms(series.histograms(counts.lags), "cleanup"))
        add(
            "curfew_group_runs_total", .counter, "Ended groups of runs of all instances.",
            Self.ordered(counts.groups).map { ([("type", $0.key[0]), ("status", $0.key[1])], $0.value) })
        add(
            "curfew_group_run_duration_seconds", "Duration of groups of runs.",
            Self.histograms(counts.groupDurations, "type"))
    }

    private mutating func addLast(_ last: [String: RunMetrics.Measurement], _ series: NamedSeries) {
        func each(_ value: (RunMetrics.Measurement) -> Double?) -> [(labels: MetricLabels, value: Double)] {
            last.sorted { $0.key < $1.key }.compactMap { name, last in
                series.has(name) ? value(last).map { ([("cleanup", name)], $0) } : nil
            }
        }
        add(
            "curfew_cleanup_stalled_records", .gauge,
            "Records past their time on which work was still going on, in the last run.", each(\.stalled))
        add(
            "curfew_cleanup_oldest_overdue_seconds", .gauge,
            "How long the oldest record has been due that the last run left.", each(\.oldestOverdue))
    }

    private static func ordered(_ values: [[String]: Double]) -> [(key: [String], value: Double)] {
        values.map { (order: $0.key.joined(separator: "\u{1}"), key: $0.key, value: $0.value) }
            .sorted { $0.order < $1.order }.map { ($0.key, $0.value) }
    }

    /// Samples with a cleanup and another label, which is left out if it is empty, as Prometheus does itself.
    private static func pairs(
        _ values: [[String]: Double], _ name: String, _ series: NamedSeries
    ) -> [(labels: MetricLabels, value: Double)] {
        ordered(values).map { key, value in
            ([("cleanup", series.label(key[0]))] + (key[1].isEmpty ? [] : [(name, key[1])]), value)
        }
    }

    private static func histograms(
        _ all: [String: Histogram], _ label: String
    ) -> [(labels: MetricLabels, histogram: Histogram)] {
        all.sorted { $0.key < $1.key }.map { ([(label, $0.key)], $0.value) }
    }
}
