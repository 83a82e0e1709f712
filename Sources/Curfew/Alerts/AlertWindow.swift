internal import Logging
internal import Policies
internal import RedisClient

/// The last runs of one cleanup, for its alerts that add values up: the stream `{curfew}:window:<cleanup>`.
///
/// The metrics stream has the runs of all cleanups and the heartbeats of all instances. In a fleet, finding the last
/// runs of one cleanup there would mean reading everybody's, once for each alert. So these alerts have a stream of their
/// own per cleanup, with nothing but what they add up, which is read once for all of them. It begins with what the
/// metrics stream has.
struct AlertWindow: Sendable {
    /// How many entries one evaluation examines.
    static let mostEntries = 10_000
    /// How long a cleanup's stream is kept after its last run, at least.
    private static let kept = Duration.seconds(92 * 86_400)

    let store: Store
    let cleanup: String
    /// The alerts on this cleanup with a window.
    let definitions: [AlertDefinition]

    private var key: String { store.keys.window(cleanup) }

    /// The sum of an alert so far.
    private struct Sum {
        let definition: AlertDefinition
        /// The earliest time that counts; nil for any.
        var start: Int64?
        /// How many more runs count.
        var runs = Int.max
        var value = 0.0

        init(_ definition: AlertDefinition, now: Timestamp) {
            self.definition = definition
            switch definition.over {
            case .time(let span): start = max(0, (now - span).milliseconds)
            case .runs(let count): runs = count
            case nil: runs = 0
            }
        }

        mutating func add(_ entry: StreamEntry, at time: Int64) {
            guard runs > 0, time >= start ?? 0, definition.metric.counts(entry["kind"]) else { return }
            runs -= 1
            value += Double(entry[definition.field] ?? "") ?? 0
        }
    }

    /// Adds a run, and returns the sums of some alerts over their windows, this run included.
    ///
    /// - Parameter wanted: the alerts whose sum can matter.
    func add(
        _ measured: RunMeasurements, sumsOf wanted: [AlertDefinition], now: Timestamp
    ) async throws -> [Double] {
        let fields = Set(definitions.map(\.field)).sorted().compactMap { field -> (String, String)? in
            guard let definition = definitions.first(where: { $0.field == field }) else { return nil }
            let value = measured.value(of: definition)
            return value == 0 ? nil : (field, AlertDefinition.plain(value))
        }
        // Within a time, only runs with a value matter; among a number of runs, each one does.
        let isCounted = definitions.contains { if case .runs = $0.over { true } else { false } }
        guard isCounted || !fields.isEmpty || !wanted.isEmpty else { return [] }
        if isCounted || !fields.isEmpty {
            let entry = [("kind", measured.isLost ? "lost" : "run"), ("run", measured.run)] + fields
            let reply = try await store.redis.pipeline([
                RedisCommand(
                    "XADD", [key, "NOMKSTREAM"] + limit(now) + ["*"] + entry.flatMap { [$0.0, $0.1] }),
                RedisCommand("PEXPIRE", [key, String(expiry.milliseconds)]),
            ])[0]
            if let error = reply.error {
                // Memory may be full: the alerts then count what was written before.
                store.logger.warning(
                    "a run was not added to the windows of its alerts",
                    metadata: ["cleanup": "\(cleanup)", "error": "\(error.message)"])
            } else if reply.isNull, !wanted.isEmpty {
                return sums(wanted, try await begin(now), now)
            }
        }
        guard !wanted.isEmpty else { return [] }
        let entries = try await entries(of: key, for: wanted, now: now) { _ in true }
        return sums(wanted, entries.isEmpty ? try await begin(now) : entries, now)
    }

    private func sums(_ wanted: [AlertDefinition], _ entries: [StreamEntry], _ now: Timestamp) -> [Double] {
        var sums = wanted.map { Sum($0, now: now) }
        var known: Set<[String]> = []
        // A run is evaluated once, unless its end was not confirmed.
        for entry in entries where known.insert([entry["kind"] ?? "", entry["run"] ?? entry.id]).inserted {
            let time = Self.time(of: entry)
            for place in sums.indices { sums[place].add(entry, at: time) }
        }
        return sums.map(\.value)
    }

    /// Begins the stream with what the metrics stream has of this cleanup; returns it, newest first.
    private func begin(_ now: Timestamp) async throws -> [StreamEntry] {
        let found = try await entries(of: store.keys.metrics, for: definitions, now: now) { entry in
            entry["cleanup"] == cleanup && definitions.contains { $0.metric.counts(entry["kind"]) }
        }
        guard !found.isEmpty else { return [] }
        let names = Set(["kind", "run"] + definitions.map(\.field))
        let commands = found.reversed().map { entry in
            let fields = entry.fields.filter { names.contains($0.name) && $0.value != "0" }
            return RedisCommand("XADD", [key, entry.id] + fields.flatMap { [$0.name, $0.value] })
        }
        // An entry that another evaluation has added in the meantime is refused, as it should be.
        _ = try await store.redis.pipeline(commands + [RedisCommand("PEXPIRE", [key, String(expiry.milliseconds)])])
        return found
    }

    /// The entries of a stream that pass, newest first, as far back as these alerts reach.
    private func entries(
        of stream: String, for definitions: [AlertDefinition], now: Timestamp, where passes: (StreamEntry) -> Bool
    ) async throws -> [StreamEntry] {
        let sums = definitions.map { Sum($0, now: now) }
        let starts = sums.compactMap(\.start)
        // Some alerts count runs, however long ago they were.
        let counted = sums.filter { $0.start == nil }.map(\.runs).max() ?? 0
        let start = counted > 0 ? "-" : String(starts.min() ?? 0)
        var found: [StreamEntry] = []
        var (end, read) = ("+", 0)
        while read < Self.mostEntries {
            // The metrics are mostly those of others; a few runs of this cleanup are a few entries of its own stream.
            let count = starts.isEmpty && stream == key ? min(2 * counted + 10, StreamPage.most) : StreamPage.most
            let page = try await StreamPage("XREVRANGE", of: stream, from: end, to: start, count: count, store.redis)
            found += page.entries.filter(passes)
            read += page.entries.count
            guard page.isFull, let last = page.entries.last else { break }
            let isPast = starts.allSatisfy { Self.time(of: last) < $0 }
            if isPast, found.count(where: { $0["kind"] == "run" }) >= counted { break }
            end = "(" + last.id
        }
        return found
    }

    private static func time(of entry: StreamEntry) -> Int64 {
        Int64(entry.id.prefix { $0 != "-" }) ?? 0
    }

    /// What the stream keeps: the longest window.
    private func limit(_ now: Timestamp) -> [String] {
        var (runs, time) = (0, Duration.zero)
        for definition in definitions {
            switch definition.over {
            case .runs(let count): runs = max(runs, count)
            case .time(let span): time = max(time, span)
            case nil: break
            }
        }
        if runs == 0 { return ["MINID", "~", String(max(0, (now - time).milliseconds))] }
        // Lost runs stand between the others.
        return ["MAXLEN", "~", String(time == .zero ? min(2 * runs, Self.mostEntries) : Self.mostEntries)]
    }

    private var expiry: Duration {
        definitions.reduce(Self.kept) { longest, definition in
            if case .time(let span) = definition.over { max(longest, span * 2) } else { longest }
        }
    }
}

extension AlertDefinition {
    /// A number as a field of a stream.
    fileprivate static func plain(_ value: Double) -> String {
        Int64(exactly: value).map { String($0) } ?? String(value)
    }
}

extension AlertDefinition.Metric {
    /// Whether metrics entries of this kind count as runs for this metric.
    fileprivate func counts(_ kind: String?) -> Bool {
        kind == "run" || (self == .runsLost && kind == "lost")
    }
}
