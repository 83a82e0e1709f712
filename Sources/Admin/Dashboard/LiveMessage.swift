internal import Foundation
internal import NIOCore

/// What an open page is sent, as server-sent events: `parts` replaces whole parts, `rows` single rows of tables.
///
/// The id of the last event tells which parts a page has, so that it needn't be sent again what it shows already.
struct LiveMessage: Sendable {
    private var parts: [String: String] = [:]
    private var rows: [String: ShownPart.Changes] = [:]

    /// Whole parts.
    init(_ fragments: [Fragment]) {
        parts = Dictionary(fragments.map { ($0.id, $0.content.markup) }) { first, _ in first }
    }

    /// By what parts differ from what is shown.
    init(_ fragments: [(fragment: Fragment, new: ShownPart, shown: ShownPart?)]) {
        for (fragment, new, shown) in fragments {
            if let changes = shown?.changes(to: fragment, new) {
                rows[fragment.id] = changes
            } else {
                parts[fragment.id] = fragment.content.markup
            }
        }
    }

    /// The events; nil if there are none.
    ///
    /// - Parameter version: what a page has with them; nil if it doesn't ask.
    func bytes(version: String? = nil) -> ByteBuffer? {
        do {
            var events: [(name: String, data: Data)] = []
            if !parts.isEmpty { events.append(("parts", try Self.encoder.encode(parts))) }
            if !rows.isEmpty { events.append(("rows", try Self.encoder.encode(rows))) }
            guard !events.isEmpty else { return nil }
            var buffer = ByteBuffer()
            for (place, event) in events.enumerated() {
                // Who has only the first one hasn't got all.
                if let version, place == events.count - 1 { buffer.writeString("id: \(version)\n") }
                buffer.writeString("event: \(event.name)\ndata: ")
                buffer.writeBytes(event.data)
                buffer.writeString("\n\n")
            }
            return buffer
        } catch {
            return nil
        }
    }

    private static var encoder: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }

    /// Which parts a page has: a digest of each.
    static func version(_ parts: [ShownPart]) -> String { parts.map(\.digest).joined(separator: ".") }

    /// Those parts that a page with this version lacks.
    static func missing(_ fragments: [Fragment], _ shown: [ShownPart], at version: String?) -> [Fragment] {
        let known = (version ?? "").split(separator: ".", omittingEmptySubsequences: false)
        guard version != nil, known.count == fragments.count else { return fragments }
        return zip(zip(fragments, shown), known).compactMap { $0.1.digest == $1 ? nil : $0.0 }
    }
}
