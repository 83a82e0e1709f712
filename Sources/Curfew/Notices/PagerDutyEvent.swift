internal import Policies
internal import RedisClient

/// A notice as an event of PagerDuty's Events API v2.
///
/// An alert that resolves ends the incident of the alert that fired. Failed runs of a cleanup are one incident.
struct PagerDutyEvent: Encodable {
    struct Payload: Encodable {
        let summary: String, source: String, severity: String, timestamp: String, kind: String
        let component: String?
        let details: [String: String]

        private enum CodingKeys: String, CodingKey {
            case summary, source, severity, timestamp, kind = "class", component, details = "custom_details"
        }
    }

    let routingKey: String, action: String, dedupKey: String, client: String
    let payload: Payload

    private enum CodingKeys: String, CodingKey {
        case routingKey = "routing_key", action = "event_action", dedupKey = "dedup_key", client, payload
    }

    /// The event of a notice, for the service with this integration key.
    init(_ notice: Notice, key: String) {
        let prefix = notice.id.prefix { $0 != ":" }
        let cleanup = notice.data["cleanup"] ?? ""
        routingKey = key
        client = "Curfew"
        action = notice.isResolved ? "resolve" : "trigger"
        dedupKey =
            switch notice.subject {
            case .alert: "\(prefix):alert:\(notice.data["alert"] ?? ""):\(cleanup)"
            case .warning, .change: notice.id
            case .runLost, .runFailed: "\(prefix):\(notice.subject.rawValue):\(cleanup)"
            }
        // Its own limit is 1,024 characters.
        let line = ChatText.plain(notice.line)
        payload = Payload(
            summary: line.unicodeScalars.count > 1_000 ? String(line.unicodeScalars.prefix(1_000)) + "…" : line,
            source: String(prefix), severity: notice.severity.rawValue, timestamp: notice.time.iso8601,
            kind: notice.subject.rawValue, component: cleanup.isEmpty ? nil : cleanup,
            details: notice.data.filter { $0.key != "before" })
    }
}

/// A notice as an alert of Alertmanager's API v2.
struct AlertmanagerAlert: Encodable {
    /// How long an alert fires there unless it resolves: Curfew tells of it only once.
    static let longest = Duration.seconds(30 * 86_400)

    let labels: [String: String]
    let annotations: [String: String]
    let startsAt: String
    let endsAt: String?

    /// The alert of a notice.
    ///
    /// The labels identify it, so that those of a resolved alert are those it had when it fired.
    init(_ notice: Notice) {
        var labels = ["severity": notice.severity.rawValue, "curfew": String(notice.id.prefix { $0 != ":" })]
        labels["cleanup"] = notice.data["cleanup"]
        var annotations = ["summary": ChatText.plain(notice.line)]
        switch notice.subject {
        case .alert:
            labels["alertname"] = notice.data["alert"]
            labels["metric"] = notice.data["metric"]
            annotations["value"] = notice.data["value"]
            annotations["threshold"] = notice.data["threshold"]
            let since = notice.data["since_ms"].flatMap { Int64($0) }.map(Timestamp.init(milliseconds:)) ?? notice.time
            startsAt = min(since, notice.time).iso8601
            endsAt = (notice.isResolved ? notice.time : notice.time + Self.longest).iso8601
        case .warning, .change:
            labels["alertname"] = notice.subject == .warning ? "CurfewWarning" : "CurfewChange"
            labels["record"] = notice.data["record"]
            labels["action"] = notice.data["action"]
            (startsAt, endsAt) = (notice.time.iso8601, nil)
        case .runLost, .runFailed:
            labels["alertname"] = notice.subject == .runLost ? "CurfewRunLost" : "CurfewRunFailed"
            annotations["run"] = notice.data["run"]
            (startsAt, endsAt) = (notice.time.iso8601, nil)
        }
        self.labels = labels.filter { !$0.value.isEmpty }
        self.annotations = annotations.filter { !$0.value.isEmpty }
    }
}
