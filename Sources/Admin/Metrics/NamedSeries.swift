internal import Curfew

/// Which cleanups have series of their own in `/metrics`, whose size doesn't grow without end.
///
/// The counters of further cleanups are summed up under ``other``, so that sums over cleanups stay right; their gauges
/// are left out. The first cleanups of the file come first: the choice changes only with the cleanups, because a counter
/// must not move from one series to another.
struct NamedSeries: Sendable {
    /// The label of the further cleanups, as of further types.
    static let other = "other"
    /// About how many bytes all series of cleanups may take, except histograms.
    static let mostBytes = 1_500_000
    /// How many cleanups have a histogram of their own: each takes twenty lines.
    static let mostHistograms = 100
    /// How many instances have series of their own, and how many firing alerts.
    static let mostInstances = 200, mostAlerts = 1_000

    /// About how many series a cleanup has, and how long one is without the name.
    private static let perCleanup = 20, overhead = 46

    /// The cleanups with series of their own; nil for all.
    private let named: Set<String>?
    /// The cleanups with histograms of their own; nil for all.
    private let shaped: Set<String>?

    /// Chooses among cleanups: those of the file in its order, then others.
    init(_ names: [String]) {
        var (named, room): (Set<String>, Int) = ([], Self.mostBytes)
        for name in names {
            room -= Self.perCleanup * (Self.overhead + min(name.utf8.count, PrometheusText.mostLabelBytes))
            guard room >= 0 else { break }
            named.insert(name)
        }
        self.named = named.count == names.count ? nil : named
        shaped = names.count <= Self.mostHistograms ? nil : Set(names.prefix(Self.mostHistograms))
    }

    /// Whether a cleanup has series of its own.
    func has(_ cleanup: String) -> Bool { named?.contains(cleanup) ?? true }

    /// The label of a cleanup's counters.
    func label(_ cleanup: String) -> String { has(cleanup) ? cleanup : Self.other }

    /// The histograms by label: beyond the first cleanups they are summed up.
    func histograms(_ all: [String: Histogram]) -> [String: Histogram] {
        guard let shaped else { return all }
        return all.reduce(into: [:]) { sums, one in
            sums[shaped.contains(one.key) ? one.key : Self.other, default: Histogram()].add(one.value)
        }
    }
}
