internal import Curfew
internal import Foundation
internal import RedisClient

extension OTLP {
    /// The body of `/v1/metrics`.
    struct Metrics: Encodable {
        var resourceMetrics: [ResourceMetrics]

        struct ResourceMetrics: Encodable {
            var resource: Resource
            var scopeMetrics: [ScopeMetrics]
        }

        struct ScopeMetrics: Encodable {
            var scope = Scope()
            var metrics: [Metric]
        }

        init(_ metrics: [Metric], from resource: Resource) {
            resourceMetrics = [ResourceMetrics(resource: resource, scopeMetrics: [ScopeMetrics(metrics: metrics)])]
        }
    }

    /// One metric with its points; one of gauge, sum and histogram is set.
    struct Metric: Encodable {
        var name: String
        var description: String
        var unit: String
        var gauge: Points?
        var sum: Points?
        var histogram: Histograms?

        /// How many points it has.
        var count: Int {
            (gauge?.dataPoints.count ?? 0) + (sum?.dataPoints.count ?? 0) + (histogram?.dataPoints.count ?? 0)
        }
    }

    struct Points: Encodable {
        var dataPoints: [Point]
        /// 2: cumulative; only of sums.
        var aggregationTemporality: Int?
        var isMonotonic: Bool?
    }

    struct Point: Encodable {
        var attributes: [Attribute]
        var timeUnixNano: String
        var asDouble: Double
    }

    struct Histograms: Encodable {
        var dataPoints: [HistogramPoint]
        var aggregationTemporality = 2
    }

    struct HistogramPoint: Encodable {
        var attributes: [Attribute]
        var timeUnixNano: String
        var count: String
        var sum: Double
        var bucketCounts: [String]
        var explicitBounds: [Double]
    }
}

/// The families of metrics as OTLP's metrics.
///
/// Their names are those of `/metrics` without `_total`, which a collector adds again for Prometheus. The sums have no
/// start: they are counted from streams, which are older than any instance.
struct OTLPMetrics: MetricsWriter {
    /// When they were read, in nanoseconds since 1970.
    let time: String
    private(set) var metrics: [OTLP.Metric] = []

    /// About how many points one message has: the numbers of a thousand cleanups are several megabytes.
    private static let mostPoints = 2_000

    /// The metrics in messages of bounded length.
    var parts: [[OTLP.Metric]] {
        var (parts, points): ([[OTLP.Metric]], Int) = ([], 0)
        for metric in metrics {
            if parts.isEmpty || points + metric.count > Self.mostPoints {
                parts.append([])
                points = 0
            }
            parts[parts.count - 1].append(metric)
            points += metric.count
        }
        return parts
    }

    init(at time: Date) {
        self.time = String(UInt64(max(0, time.timeIntervalSince1970) * 1e9))
    }

    mutating func add(
        _ name: String, _ kind: MetricKind, _ help: String, _ samples: [(labels: MetricLabels, value: Double)]
    ) {
        guard !samples.isEmpty else { return }
        let points = Self.summed(samples).map { labels, value in
            OTLP.Point(attributes: labels, timeUnixNano: time, asDouble: value)
        }
        var metric = metric(name, help)
        if kind == .counter {
            metric.sum = OTLP.Points(dataPoints: points, aggregationTemporality: 2, isMonotonic: true)
        } else {
            metric.gauge = OTLP.Points(dataPoints: points)
        }
        metrics.append(metric)
    }

    mutating func add(_ name: String, _ help: String, _ samples: [(labels: MetricLabels, histogram: Histogram)]) {
        guard !samples.isEmpty else { return }
        var metric = metric(name, help)
        metric.histogram = OTLP.Histograms(
            dataPoints: samples.map { labels, histogram in
                let beyond = histogram.count - histogram.counts.reduce(0, +)
                return OTLP.HistogramPoint(
                    attributes: Self.attributes(labels), timeUnixNano: time,
                    count: String(histogram.count), sum: histogram.sum,
                    bucketCounts: (histogram.counts + [beyond]).map { String($0) },
                    explicitBounds: Histogram.bounds)
            })
        metrics.append(metric)
    }

    private func metric(_ name: String, _ help: String) -> OTLP.Metric {
        let base = name.hasSuffix("_total") ? String(name.dropLast("_total".count)) : name
        let units = [("_seconds", "s"), ("_bytes", "By"), ("_ratio", "1")]
        let unit = units.first { base.hasSuffix($0.0) }?.1 ?? ""
        return OTLP.Metric(name: base, description: help, unit: unit)
    }

    /// The labels, as long as those of `/metrics`: they come from records.
    private static func attributes(_ labels: MetricLabels) -> [OTLP.Attribute] {
        labels.map { OTLP.Attribute($0.name, String($0.value.readable.prefix(PrometheusText.mostLabelBytes))) }
    }

    /// Samples added up whose labels are equal as they are sent, as `/metrics` does: a collector may refuse a metric
    /// with two points of the same attributes.
    private static func summed(
        _ samples: [(labels: MetricLabels, value: Double)]
    ) -> [(labels: [OTLP.Attribute], value: Double)] {
        var places: [[OTLP.Attribute]: Int] = [:]
        var sums: [(labels: [OTLP.Attribute], value: Double)] = []
        for (labels, value) in samples {
            let key = attributes(labels)
            if let place = places[key] {
                sums[place].value += value
            } else {
                places[key] = sums.count
                sums.append((key, value))
            }
        }
        return sums
    }
}
