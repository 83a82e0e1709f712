internal import Curfew
internal import Policies

/// Records that have been paused for too long.
enum PausesTable {
    /// How many records are listed.
    static let most = 20

    /// The table of one cleanup.
    static func html(_ pauses: StalePauses, now: Timestamp) -> HTML {
        let shown = pauses.records.prefix(most)
        var table = HTMLTable(
            caption: "Stale paused records (\(pauses.cleanup))",
            columns: ["Record", "Status", "Paused", "Warned", "Ends"], isCaptionShown: true)
        for (id, pause) in shown {
            table.add([
                EventsTable.record(id, of: pauses.cleanup), HTML(pause.status.shortened(toMarkup: 100)),
                Wording.moment(pause.since, now: now),
                pause.warnedAt.map { Wording.moment($0, now: now) } ?? HTML("not yet"),
                Wording.moment(pause.end, now: now),
            ])
        }
        let rest = pauses.records.count - shown.count
        return .joined([
            table.html(empty: "\(pauses.cleanup): no stale paused records."),
            rest > 0 ? .element("p") { "And \(Wording.number(rest)) more." } : .nothing,
            pauses.tracked > pauses.looked
                ? .element("p", ["class": "note"]) {
                    "Checked the \(Wording.number(pauses.looked)) records with the nearest deadlines, "
                        + "of \(Wording.number(pauses.tracked))."
                } : .nothing,
        ])
    }
}
