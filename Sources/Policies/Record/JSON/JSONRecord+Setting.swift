extension JSONRecord {
    /// The text of a record with those fields written; all else stays as it is, byte for byte.
    ///
    /// A field keeps its JSON type where the new text allows it: a number stays a number, a flag a flag; what doesn't fit
    /// becomes a text. A new field is a text, or a number where it is written like one and the record doesn't write such
    /// numbers as texts (see ``isTextual(_:among:)``). An object that a path needs and the record lacks is made. A value
    /// of nil removes the member, and leaves a `null` as it is.
    ///
    /// - Parameter like: fields in which the record may show how it writes its numbers.
    package static func setting(
        _ writes: [FieldWrite], like fields: [String] = [], in text: String
    ) throws(RecordError) -> String {
        var text = text
        for write in writes { text = try JSONRecord(text).setting(write, like: fields) }
        return text
    }

    private func setting(_ write: FieldWrite, like fields: [String]) throws(RecordError) -> String {
        let spot = try spot(of: write.field)
        guard spot.inner == nil else {
            throw RecordError("\(write.field) is in a text that holds JSON, and can't be written")
        }
        // An object or a list is no text that could stay as it is.
        let isContainer = spot.value.map { [.object, .list].contains($0.kind) } ?? false
        let old = isContainer ? nil : try self.text(of: spot.value, write.field)
        // What is there already stays written as it is.
        guard write.value != old || isContainer else { return text }
        guard !spot.isInList else {
            throw RecordError("\(write.field) is in a list: expected a path through objects, since it is to be written")
        }
        guard let new = write.value else { return removing(spot) }
        guard let value = spot.value else {
            return try inserting(Self.quoted(new, isBare: !isTextual(new, of: write.field, among: fields)), at: spot)
        }
        let isBare =
            switch value.kind {
            case .number: JSONScanner.isNumber(new)
            case .flag: new == "true" || new == "false"
            case .null: try !isTextual(new, of: write.field, among: fields)
            case .text, .object, .list: false
            }
        let written = Self.nested(Self.quoted(new, isBare: isBare), in: spot.missing)
        return splicing(written, at: value.range)
    }

    /// The text of a record with other JSON in one place; all else stays as it is, byte for byte.
    ///
    /// Throws where the text is no object, or has no place for it.
    static func setting(_ path: String, toJSON json: String, in text: String) throws(RecordError) -> String {
        let record = try JSONRecord(text)
        let spot = try record.spot(of: path)
        guard spot.inner == nil, !spot.isInList else {
            throw RecordError("expected a path through objects, since it is to be written")
        }
        guard let value = spot.value else { return record.inserting(json, at: spot) }
        return record.splicing(nested(json, in: spot.missing), at: value.range)
    }

    private func inserting(_ value: String, at spot: Spot) -> String {
        guard let name = spot.missing.first else { return text }
        let member = Self.quoted(name) + ":" + Self.nested(value, in: spot.missing.dropFirst())
        if let last = spot.members.last {
            return splicing("," + member, at: last.range.upperBound..<last.range.upperBound)
        }
        let inside = spot.object.range.lowerBound + 1
        return splicing(member, at: inside..<inside)
    }

    /// Without the member, and without the comma that it needed.
    func removing(_ spot: Spot) -> String {
        guard let place = spot.place else { return text }
        let member = spot.members[place]
        if place > 0 {
            return splicing("", at: spot.members[place - 1].range.upperBound..<member.range.upperBound)
        }
        let end = spot.members.count > 1 ? spot.members[1].start : member.range.upperBound
        return splicing("", at: member.start..<end)
    }

    func splicing(_ new: String, at range: Range<Int>) -> String {
        var bytes = bytes
        bytes.replaceSubrange(range, with: HeldBytes.bytes(of: new))
        return HeldBytes.text(bytes)
    }

    /// Whether a new field is written as a text.
    ///
    /// A number is written as one unless the record itself keeps numbers like it as texts. Alike are times (ten digits and
    /// more) and all smaller numbers: a count is no text only because the times are.
    private func isTextual(_ new: String, of field: String, among fields: [String]) throws(RecordError) -> Bool {
        guard let digits = Self.digits(of: new) else { return true }
        var isTextual = false
        for other in fields {
            guard let value = try spot(of: other).value, value.kind == .text || value.kind == .number,
                let text = try self.text(of: value, other), let others = Self.digits(of: text),
                (others >= 10) == (digits >= 10)
            else { continue }
            if value.kind == .number { return false }
            isTextual = true
        }
        return isTextual
    }

    /// The digits before the point of a plain number; nil where it is none.
    private static func digits(of text: String) -> Int? {
        guard JSONScanner.isNumber(text), !text.utf8.contains(where: { $0 | 0x20 == UInt8(ascii: "e") }) else {
            return nil
        }
        return text.utf8.prefix { $0 != UInt8(ascii: ".") }.count
    }

    private static func nested(_ value: String, in names: ArraySlice<String>) -> String {
        names.reversed().reduce(value) { "{\(quoted($1)):\($0)}" }
    }

    /// A text in quotes, escaped as RFC 8259 §7 demands; bare where it is a number or a flag.
    static func quoted(_ text: String, isBare: Bool = false) -> String {
        guard !isBare else { return text }
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\r": quoted += "\\r"
            case "\t": quoted += "\\t"
            case "\u{0}"..<"\u{20}":
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
