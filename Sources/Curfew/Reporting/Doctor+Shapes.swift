internal import Foundation
internal import Policies

/// The shapes of record ids: if the ids of one template have two shapes, one of them may not be a record.
extension Doctor {
    /// The shape of an id: how many parts it has, and whether it is a number, a UUID or a word.
    ///
    /// If some ids mix letters and digits, all ids count as one shape: random ids sometimes consist of letters or
    /// digits only. If no id is mixed, words beside numbers (`meta` and `wait` beside `1`) are two shapes.
    struct Shape: Hashable {
        private enum Kind: Hashable { case number, uuid, word, text }

        private var kind: Kind
        fileprivate let separators: [Unicode.Scalar]

        init(_ id: String) {
            separators = id.unicodeScalars.filter { ":/|#".unicodeScalars.contains($0) }
            let isNumber = id.utf8.allSatisfy { (48...57).contains($0) }
            let isWord = !id.utf8.contains { (48...57).contains($0) }
            kind = isNumber ? .number : UUID(uuidString: id) != nil ? .uuid : isWord ? .word : .text
        }

        /// Whether it has letters and digits.
        fileprivate var isMixed: Bool { kind == .text }

        /// The shape among ids of which some are mixed.
        fileprivate var amongMixed: Shape {
            var shape = self
            if kind == .word { shape.kind = .text }
            return shape
        }

        /// Whether an id of another shape is worth a remark if this shape is the most frequent.
        func differs(from other: Shape) -> Bool {
            guard separators == other.separators else { return true }
            return switch kind {
            case .number, .uuid: kind != other.kind
            case .word: other.kind == .number || other.kind == .uuid
            case .text: false
            }
        }

        /// A pattern that matches this shape only; nil if there is none.
        var pattern: String? {
            switch (kind, separators.isEmpty) {
            case (.number, _): "[0-9]+"
            case (.uuid, _): "[0-9A-Fa-f-]{36}"
            case (.text, true): "[^:/|#]+"
            // Whether words or numbers are the records can't be decided by their count.
            case (.text, false), (.word, _): nil
            }
        }
    }

    /// A remark on ids of two shapes; nil if all have the same shape.
    static func remark(onShapesOf ids: [String], of cleanup: Cleanup) -> Finding? {
        let mixed = Set(ids.map(Shape.init).filter(\.isMixed).map(\.separators))
        let groups = Dictionary(grouping: ids.sorted()) { id in
            let shape = Shape(id)
            return mixed.contains(shape.separators) ? shape.amongMixed : shape
        }
        let order = groups.sorted { ($0.value.count, $1.value[0]) > ($1.value.count, $0.value[0]) }
        guard let most = order.first,
            let other = order.dropFirst().first(where: { most.key.differs(from: $0.key) })
        else { return nil }
        let others = order.dropFirst().filter { most.key.differs(from: $0.key) }.reduce(0) { $0 + $1.value.count }
        let pattern = most.key.pattern.map { "only: {id: \"\($0)\"}" } ?? "only or except"
        return Finding(
            "records", .warning,
            "\(cleanup.name): ids of two shapes under \(cleanup.records): \(most.value.count) like "
                + "\(most.value[0].shortened(to: 100)), \(others) like \(other.value[0].shortened(to: 100))",
            advice: "fine if both are its records; otherwise select them with \(pattern) at cleanups.\(cleanup.name)")
    }
}
