/// A record that is kept as one JSON object in a string, and the fields in it.
///
/// A field is named by its path, `timing.startedAt`. A member of the outermost object that is called exactly so comes
/// first, dot and all. In a list a number is the place, from 0: `items.0.id`. A text that holds JSON itself is looked into:
/// `payload.jid`. Such paths can be read and not written.
/// `null` is an absent field, as is one whose parent isn't there. A parent that is a text, a number or a flag, and a
/// value that is an object or a list, are the record's error: there is something, and it isn't what was meant.
package struct JSONRecord: Sendable, Equatable {
    /// A member of an object.
    struct Member: Sendable, Equatable {
        let name: String
        /// Where its name begins.
        let start: Int
        let kind: JSONScanner.Kind
        let range: Range<Int>

        var value: JSONScanner.Value { JSONScanner.Value(kind: kind, range: range) }
    }

    /// The most bytes of one record: a page of records is read, and written, as a whole.
    static let mostBytes = 1 << 20

    /// The whole text, as it was read.
    package let text: String
    let bytes: [UInt8]
    /// The outermost object.
    let root: JSONScanner.Value
    private let members: [Member]

    /// Reads a text; throws where it isn't a single JSON object, saying at which byte (from 0).
    ///
    /// - Parameter takesList: whether it may be a list as well, as a message of a queue is.
    package init(_ text: String, takesList: Bool = false) throws(RecordError) {
        let bytes = HeldBytes.bytes(of: text)
        guard bytes.count <= Self.mostBytes else {
            throw RecordError("the JSON has \(bytes.count) bytes: expected at most \(Self.mostBytes)")
        }
        var members: [Member] = []
        var scanner = JSONScanner(bytes)
        root = try scanner.document { (name, value) throws(RecordError) in
            members.append(try Self.member(name, value, in: bytes))
        }
        guard root.kind == .object || (takesList && root.kind == .list) else {
            throw RecordError("the JSON is \(root.kind.noun): expected an object\(takesList ? " or a list" : "")")
        }
        self.text = text
        self.bytes = bytes
        self.members = members
    }

    /// The field at a path, as text: a text without its escapes, a number as it is written; nil where it is absent.
    package subscript(path: String) -> String? {
        get throws(RecordError) {
            let spot = try spot(of: path)
            if let inner = spot.inner { return try inner.document[inner.path] }
            return try text(of: spot.value, path)
        }
    }

    /// The field at a path where it is only looked at: also an object or a list, as the JSON that it is.
    func shown(_ path: String) throws(RecordError) -> String? {
        let spot = try spot(of: path)
        if let inner = spot.inner { return try inner.document.shown(inner.path) }
        let value = spot.value
        if let value, [.object, .list].contains(value.kind) { return raw(value.range) }
        return try text(of: value, path)
    }

    /// Whether a path leads to an object or a list.
    func isContainer(_ path: String) -> Bool {
        do throws(RecordError) {
            let spot = try spot(of: path)
            if let inner = spot.inner { return inner.document.isContainer(inner.path) }
            return spot.value.map { [.object, .list].contains($0.kind) } ?? false
        } catch {
            return false
        }
    }

    /// What a value says; throws where it is more than a text, a number or a flag.
    func text(of value: JSONScanner.Value?, _ path: String) throws(RecordError) -> String? {
        guard let value else { return nil }
        switch value.kind {
        case .null: return nil
        case .text:
            var scanner = JSONScanner(bytes, from: value.range.lowerBound)
            return try scanner.text()
        case .number, .flag: return raw(value.range)
        case .object, .list: throw RecordError("\(path) is \(value.kind.noun): expected a text, a number or a flag")
        }
    }

    /// The bytes there, as text.
    func raw(_ range: Range<Int>) -> String { HeldBytes.text(bytes[range]) }
}

extension JSONRecord {
    /// Where a path leads.
    struct Spot {
        /// The value, where there is one; `null` is one.
        var value: JSONScanner.Value?
        /// The object that has it, or would have it.
        var object: JSONScanner.Value
        /// The members of that object.
        var members: [Member]
        /// Its place among them.
        var place: Int?
        /// The names that are not there, the outermost first; empty where the value is there.
        var missing: ArraySlice<String> = []
        /// Whether the way leads through a list.
        var isInList = false
        /// Where the way leads on in a text that holds JSON itself.
        var inner: (document: JSONRecord, path: String)?
    }

    /// Follows a path as far as it leads.
    func spot(of path: String) throws(RecordError) -> Spot {
        if let place = try Self.place(of: path, in: members) {
            return Spot(value: members[place].value, object: root, members: members, place: place)
        }
        let names = path.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        var spot = Spot(value: root, object: root, members: [])
        for (number, name) in names.enumerated() {
            guard let value = spot.value else { break }
            switch value.kind {
            case .object:
                spot.object = value
                spot.members = value == root ? members : try self.members(of: value)
                spot.place = try Self.place(of: name, in: spot.members)
                spot.value = spot.place.map { spot.members[$0].value }
                if spot.value == nil { spot.missing = names[number...] }
            case .list:
                spot.isInList = true
                spot.value = try element(name, of: value, path)
            case .null:
                // As if it weren't there; what is written takes its place.
                spot.missing = names[number...]
                return spot
            case .text, .number, .flag:
                let parent = names[..<number].joined(separator: ".")
                if value.kind == .text, let text = try self.text(of: value, parent), Self.mayBeJSON(text) {
                    spot.inner = (
                        try Self.within(text, parent, for: path), names[number...].joined(separator: ".")
                    )
                    spot.missing = names[number...]
                    return spot
                }
                throw RecordError("\(parent) is \(value.kind.noun): expected an object, for \(path)")
            }
        }
        return spot
    }

    /// Whether a text is meant to be JSON with something in it.
    private static func mayBeJSON(_ text: String) -> Bool {
        let first = text.utf8.first { ![0x20, 0x0A, 0x0D, 0x09].contains($0) }
        return first == UInt8(ascii: "{") || first == UInt8(ascii: "[")
    }

    /// The JSON that a text holds; a text in a text in a text counts for each level.
    private static func within(
        _ text: String, _ parent: String, for path: String
    ) throws(RecordError) -> JSONRecord {
        do throws(RecordError) {
            return try JSONRecord(text, takesList: true)
        } catch {
            throw RecordError("\(parent), for \(path): \(error.message)")
        }
    }

    func members(of object: JSONScanner.Value) throws(RecordError) -> [Member] {
        var members: [Member] = []
        var scanner = JSONScanner(bytes, from: object.range.lowerBound)
        try scanner.members(depth: 1) { (name, value) throws(RecordError) in
            members.append(try Self.member(name, value, in: bytes))
        }
        return members
    }

    private func element(
        _ name: String, of list: JSONScanner.Value, _ path: String
    ) throws(RecordError) -> JSONScanner.Value? {
        guard let place = Int(name), place >= 0, String(place) == name else {
            throw RecordError("“\(name)” of \(path) is looked for in a list: expected a number, from 0")
        }
        var found: JSONScanner.Value?
        var number = 0
        var scanner = JSONScanner(bytes, from: list.range.lowerBound)
        try scanner.elements(depth: 1) { value in
            if number == place { found = value }
            number += 1
        }
        return found
    }

    private static func member(
        _ name: Range<Int>, _ value: JSONScanner.Value, in bytes: [UInt8]
    ) throws(RecordError) -> Member {
        var scanner = JSONScanner(bytes, from: name.lowerBound)
        return Member(
            name: try scanner.text(isStrict: false), start: name.lowerBound, kind: value.kind, range: value.range)
    }

    /// The place of the member with that name; throws where there are two, since readers differ about which one counts.
    private static func place(of name: String, in members: [Member]) throws(RecordError) -> Int? {
        var found: Int?
        for (place, member) in members.enumerated() where member.name == name {
            guard found == nil else {
                throw RecordError("“\(name)” is there a second time at byte \(member.start): expected each name once")
            }
            found = place
        }
        return found
    }
}
