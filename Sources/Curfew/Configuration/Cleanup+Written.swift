extension Cleanup {
    /// One key of the file and its value.
    package struct Setting: Sendable, Equatable {
        /// The key with its parents: `refund.amount`.
        package var key: String
        /// The value, with environment variables expanded.
        package var value: String
    }

    /// The settings of a cleanup in file order, without secrets.
    ///
    /// - Parameter path: the place of the node in the file.
    static func settings(in node: YAMLNode, at path: [String], below keys: [String] = []) -> [Setting] {
        let key = keys.joined(separator: ".")
        switch node.content {
        case .nothing, .unreadable: return []
        case .scalar(let scalar): return [Setting(key: key, value: scalar.text.withoutCredentials)]
        case .list(let items):
            let texts = items.flatMap { settings(in: $0, at: path) }.map(\.value)
            return [Setting(key: key, value: texts.joined(separator: ", "))]
        case .section(let entries):
            return entries.filter { !SecretKeys.cover(path + [$0.key]) }
                .flatMap { settings(in: $0.value, at: path + [$0.key], below: keys + [$0.key]) }
        }
    }
}
