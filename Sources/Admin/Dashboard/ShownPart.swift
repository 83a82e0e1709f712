internal import Foundation

/// What open pages show of a part, to tell what has changed.
struct ShownPart: Sendable, Equatable {
    /// The signature of all of it.
    let signature: String
    /// The signature of what surrounds the rows, and the rows in their order; nil if it is sent as a whole.
    private let frame: String?
    private let rows: [Row]

    private struct Row: Sendable, Equatable {
        let key: String
        let signature: String
    }

    init(_ fragment: Fragment) {
        signature = fragment.signature
        frame = fragment.table.map { Fragment.signature(of: $0.frame) }
        rows = (fragment.table?.rows ?? []).map { Row(key: $0.key, signature: Fragment.signature(of: $0.html)) }
    }

    /// A short form of the signature that is the same in every process.
    var digest: String { Self.digest(of: signature) }

    /// A short form of any text.
    static func digest(of text: String) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return String(hash % 0xffff_ffff_ffff, radix: 36)
    }

    /// The rows to change in a page.
    struct Changes: Encodable {
        /// What surrounds the rows, if it has changed.
        var frame: String?
        /// The rows that go.
        var remove: [String] = []
        /// The rows that are new, changed or elsewhere: their keys, themselves, and the key of the row before each, empty
        /// for the first one.
        var put: [[String]] = []
    }

    /// The rows by which a fragment differs; nil if all of it must be sent.
    func changes(to fragment: Fragment, _ new: ShownPart) -> Changes? {
        guard let table = fragment.table, let frame else { return nil }
        let keys = new.rows.map(\.key)
        let stay = Set(keys)
        let difference = keys.difference(from: rows.map(\.key))
        let placed = Set(
            difference.insertions.map { change in
                if case .insert(let place, _, _) = change { place } else { 0 }
            })
        let known = Dictionary(rows.map { ($0.key, $0.signature) }) { first, _ in first }
        var changes = Changes(
            frame: frame == new.frame ? nil : table.frame.markup,
            remove: rows.map(\.key).filter { !stay.contains($0) })
        var previous = ""
        var bytes = changes.frame?.utf8.count ?? 0
        for (place, row) in table.rows.enumerated() {
            if placed.contains(place) || known[row.key] != new.rows[place].signature {
                changes.put.append([row.key, row.html.markup, previous])
                bytes += row.html.markup.utf8.count
            }
            previous = row.key
        }
        return bytes < fragment.content.markup.utf8.count ? changes : nil
    }
}
