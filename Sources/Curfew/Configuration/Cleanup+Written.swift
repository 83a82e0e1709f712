extension Cleanup {
    /// One key of the file and its value.
    package struct Setting: Sendable, Equatable {
        /// The key, behind those that it stands in: `refund.amount`.
        package var key: String
        /// The value, with what came from the environment.
        package var value: String
    }

    /// The keys whose values are nobody's business: an address that is called may hold a secret.
    private static let secrets: Set = ["ping"]

    /// What the file says of a cleanup, in its order and without secrets.
    static func settings(in node: YAMLNode, below path: [String] = []) -> [Setting] {
        let key = path.joined(separator: ".")
        switch node.content {
        case .nothing, .unreadable: return []
        case .scalar(let scalar): return [Setting(key: key, value: scalar.text)]
        case .list(let items):
            let texts = items.flatMap { settings(in: $0) }.map(\.value)
            return [Setting(key: key, value: texts.joined(separator: ", "))]
        case .section(let entries):
            return entries.filter { !secrets.contains($0.key) }
                .flatMap { settings(in: $0.value, below: path + [$0.key]) }
        }
    }
}
