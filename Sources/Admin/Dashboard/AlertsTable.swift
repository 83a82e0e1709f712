internal import Curfew
internal import Policies

/// What alerts did, newest first: what began to fire, and what no longer does.
enum AlertsTable {
    /// The table; that a definition changed is nothing to be woken for, and left out.
    static func html(_ alerts: [StreamEntry], now: Timestamp) -> HTML {
        var table = HTMLTable(
            caption: "What alerts did", columns: ["Alert", "State", "Cleanup", "Value", "When", "Message"],
            numbers: 3...3)
        for alert in alerts where alert["state"] != "threshold" {
            table.add([
                HTML(EventsTable.shortened(alert["alert"] ?? "")), state(of: alert),
                HTML(EventsTable.shortened(alert["cleanup"] ?? "")), HTML(Wording.number(alert["value"])),
                Wording.moment(milliseconds(of: alert), now: now),
                .element("bdi") { EventsTable.shortened(alert["message"] ?? "") },
            ])
        }
        return table.html(empty: "No alert has fired lately.")
    }

    private static func state(of alert: StreamEntry) -> HTML {
        let state = alert["state"] ?? ""
        let look = state == "resolved" ? "good" : alert["severity"] == "critical" ? "critical" : "warning"
        return .element("span", ["class": "state \(look)"]) { EventsTable.shortened(state) }
    }

    /// When it was written: the first half of its id.
    private static func milliseconds(of alert: StreamEntry) -> String? {
        alert.id.split(separator: "-").first.map(String.init)
    }
}
