internal import Curfew
internal import Policies

/// Records that have been paused for too long.
enum PausesTable {
    /// The most records that are listed.
    static let most = 20

    /// The table of one cleanup.
    static func html(_ pauses: StalePauses, now: Timestamp) -> HTML {
        let shown = pauses.records.prefix(most)
        var table = HTMLTable(
            caption: "Stale pauses that \(pauses.cleanup) looks after",
            columns: ["Record", "Status", "Paused", "Warned", "Ends"], isCaptionShown: true)
        for (id, pause) in shown {
            table.add([
                .element("bdi") { id.shortened(toMarkup: 100) }, HTML(pause.status.shortened(toMarkup: 100)),
                Wording.moment(pause.since, now: now),
                pause.warnedAt.map { Wording.moment($0, now: now) } ?? HTML("not yet"),
                Wording.moment(pause.end, now: now),
            ])
        }
        let rest = pauses.records.count - shown.count
        return .joined([
            table.html(empty: "\(pauses.cleanup): nothing has been paused for too long."),
            rest > 0 ? .element("p") { "And \(Wording.number(rest)) more." } : .nothing,
            pauses.tracked > pauses.looked
                ? .element("p", ["class": "note"]) {
                    "Looked at the \(Wording.number(pauses.looked)) of \(Wording.number(pauses.tracked)) records whose deadlines are nearest."
                } : .nothing,
        ])
    }
}
