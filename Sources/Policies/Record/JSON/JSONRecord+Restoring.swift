extension JSONRecord {
    /// What the places that are written held, as JSON; nil where there was nothing.
    ///
    /// A before-image has texts, and those don't tell `null` from nothing, or the number 3 from the text “3”. Where an
    /// object had to be made for a path, its place is that of the outermost one.
    func originals(of writes: [FieldWrite]) throws(RecordError) -> [FieldWrite] {
        var originals: [FieldWrite] = []
        for write in writes {
            let spot = try spot(of: write.field)
            var path = write.field
            if !spot.missing.isEmpty {
                // The place is that of the `null` in the way, or else of the first name that isn't there.
                let missing = spot.value == nil ? spot.missing.dropFirst() : spot.missing
                path = path.split(separator: ".", omittingEmptySubsequences: false).dropLast(missing.count)
                    .joined(separator: ".")
            }
            guard !originals.contains(where: { $0.field == path }) else { continue }
            originals.append(FieldWrite(field: path, value: spot.value.map { raw($0.range) }))
        }
        return originals
    }

    /// The text of a record with those fields put back as they were, and what held them.
    ///
    /// - Parameters:
    ///   - before: what the fields held, as texts; nil where they were absent.
    ///   - originals: the same as JSON, where the texts alone don't say it; see ``Change/originals``.
    package static func restoring(
        _ before: [FieldWrite], originals: [FieldWrite] = [], in text: String
    ) throws(RecordError) -> String {
        var text = text
        for write in before {
            if let original = originals.first(where: { $0.field == write.field })?.value,
                let restored = try JSONRecord(text).replacing(write.field, with: original)
            {
                text = restored
            } else {
                text = try setting([write], in: text)
            }
        }
        // An object that was made for a field goes again, unless the app has put something into it.
        for made in originals where !before.contains(where: { $0.field == made.field }) {
            let record = try JSONRecord(text)
            let spot = try record.spot(of: made.field)
            guard let value = spot.value, value.kind == .object, try record.isEmpty(value) else { continue }
            text = made.value.map { record.splicing($0, at: value.range) } ?? record.removing(spot)
        }
        return text
    }

    /// The text with other JSON in the place of a value; nil where there is no value.
    private func replacing(_ path: String, with json: String) throws(RecordError) -> String? {
        try spot(of: path).value.map { splicing(json, at: $0.range) }
    }

    /// Whether there is nothing in an object but objects with nothing in them.
    private func isEmpty(_ object: JSONScanner.Value) throws(RecordError) -> Bool {
        for member in try members(of: object) {
            guard member.kind == .object, try isEmpty(member.value) else { return false }
        }
        return true
    }
}
