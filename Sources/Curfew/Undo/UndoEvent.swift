internal import Policies
internal import RedisClient

/// One change of a run, as its event tells it.
struct UndoEvent: Sendable {
    let record: String
    let key: String
    let action: String
    let from: String
    let to: String
    let type: String
    /// What was paid back.
    let tokens: Amount
    /// When, as the event has it.
    let at: String
    /// The fields that were written, with what they held; nil where they were absent.
    let before: [FieldWrite]
    /// The same fields with what was written into them.
    let after: [FieldWrite]
    /// What the fields of a JSON record held, as JSON, where ``before`` alone doesn't say it.
    let originals: [FieldWrite]
    /// The whole text of a JSON record, with the digest of what was written in its place.
    let whole: (text: String, sum: String)?
    /// The keys that went along with the record.
    let also: [String]
    /// What was put into keys beside the record, but for its id on a queue.
    let puts: [Taking]
    /// What was taken out of registries.
    let takes: [Taking]
    /// The run whose trash holds what was removed, where this run only finished what that one had begun.
    let trashRun: String?

    /// Whether the record was moved into the trash; one that is no key of its own is only taken out of where it stood.
    let isRemoval: Bool

    /// Whether an entry was taken out of the application's index, and nothing else done.
    var isDrop: Bool { action == Change.Action.drop.rawValue }

    /// The score that an entry had which was dropped.
    var score: String? {
        before.first { $0.field == Change.scoreField }?.value
    }

    /// What was done, if changes know it.
    var known: Change.Action? { Change.Action(rawValue: action) }

    /// What was put, with the ids of entries that were added to streams.
    private static func named(_ puts: [Taking], _ entries: [String]) -> [Taking] {
        var entries = entries[...]
        return puts.map { put in
            var put = put
            if put.kind == .stream { put.member = entries.popFirst() }
            return put
        }
    }

    /// Reads an entry of the events stream; throws where it says not what was there before.
    ///
    /// The before-image may show more than what was written. What was is listed in it, but for the status, which the event
    /// names anyway.
    init(_ entry: StreamEntry, statusField: String, isKey: Bool = true) throws(RecordError) {
        let event = Event(entry)
        (record, key, action, from, to) = (event.record, event.key, event.action, event.from, event.to)
        (type, tokens, at) = (event.type, event.tokens, event.time)
        isRemoval = isKey && ["release", "remove"].contains(action)
        let image = try BeforeImage(event.before)
        if let cut = image.cut, !isRemoval || cut.hasSuffix(BeforeImage.movedNote) {
            let count = cut.prefix { $0.isNumber }
            throw RecordError(
                "its event doesn't hold what was there before, which had \(count) bytes: "
                    + "up to \(BeforeImage.mostBytes) are kept")
        }
        (also, trashRun, originals) = (image.also, image.run, image.originals)
        puts = Self.named(image.puts, event.entries.split(separator: " ").map(String.init))
        (takes, whole) = (image.takes, image.whole)
        let isMoved = from != to
        let isDrop = action == Change.Action.drop.rawValue
        let names = image.before.keys
            .filter { image.after[$0] != nil || ($0 == statusField && isMoved) || (isDrop && $0 == Change.scoreField) }
            .sorted()
        let status = to
        before = names.map { FieldWrite(field: $0, value: image.before[$0] ?? nil) }
        after = names.map { FieldWrite(field: $0, value: image.after[$0] ?? status) }
        guard !key.isEmpty, Int64(at) != nil, tokens >= 0 else {
            throw RecordError("its event is incomplete: expected a key, a time, and tokens of 0 or more")
        }
        guard isRemoval || !isKey || Set(image.after.keys).isSubset(of: names) else {
            throw RecordError("its event doesn't say what every field held before")
        }
    }
}
