internal import Curfew
internal import Policies

/// Alert entries, newest first: alerts that began to fire, and alerts that resolved.
enum AlertsTable {
    /// The table as a part of a page.
    ///
    /// Changed alert definitions need no attention and are left out.
    static func fragment(_ alerts: [StreamEntry], now: Timestamp) -> Fragment {
        var table = HTMLTable(
            caption: "Alert history", columns: ["Alert", "State", "Cleanup", "Value", "When", "Message"],
            numbers: 3...3)
        for alert in alerts where alert["state"] != "threshold" {
            table.add(
                key: alert.id,
                [
                    HTML(EventsTable.shortened(alert["alert"] ?? "")), state(of: alert),
                    HTML(EventsTable.shortened(alert["cleanup"] ?? "")), HTML(Wording.number(alert["value"])),
                    Wording.moment(milliseconds(of: alert), now: now),
                    .element("bdi") { EventsTable.shortened(alert["message"] ?? "") },
                ])
        }
        return Fragment(id: "alerts", table, empty: "No recent alerts.")
    }

    private static func state(of alert: StreamEntry) -> HTML {
        let state = alert["state"] ?? ""
        let look = state == "resolved" ? "good" : alert["severity"] == "critical" ? "critical" : "warning"
        return .element("span", ["class": "state \(look)"]) { EventsTable.shortened(state) }
    }

    /// When the entry was written: the first part of its id.
    private static func milliseconds(of alert: StreamEntry) -> String? {
        alert.id.split(separator: "-").first.map(String.init)
    }
}
