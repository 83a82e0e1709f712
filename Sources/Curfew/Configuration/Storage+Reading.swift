internal import Policies

extension StorageConfiguration {
    private static let keys = [
        "endpoint", "region", "bucket", "access-key", "secret-key", "session-token", "style", "timeout",
    ]

    /// Reads a bucket; nil if it has a problem.
    init?(_ entry: YAMLNode.Entry, in list: Section) {
        NameRule.check(entry, in: list)
        let path = list.path(of: entry.key)
        guard let section = Section(entry.value, path: path, line: entry.line, list.problems) else { return nil }
        section.expect(Self.keys)
        let endpoint = section.value(
            "endpoint", isRequired: true, expected: "a URL like https://s3.eu-west-1.amazonaws.com",
            StorageEndpoint.init)
        let bucket = section.value(
            "bucket", isRequired: true, expected: "the name of a bucket", Self.bucket)
        let region = section.value("region", expected: "a region like us-east-1", Self.word)
        let accessKey = section.value("access-key", isRequired: true, expected: "the id of a key", Self.word)
        let secret = Self.secret("secret-key", isRequired: true, in: section)
        let token = Self.secret("session-token", isRequired: false, in: section)
        let style = section.choice("style", Style.allCases)
        let timeout = section.duration("timeout", atLeast: .seconds(1))
        guard let endpoint, let bucket, let accessKey, let secret else { return nil }
        self.init(
            name: entry.key, endpoint: endpoint, region: region, bucket: bucket, accessKey: accessKey,
            secretKey: secret, sessionToken: token, style: style ?? .path, timeout: timeout ?? .seconds(60))
    }

    /// Reads all buckets, and checks the `storage` of every cleanup.
    static func all(_ section: Section?, cleanups: Section?) -> [StorageConfiguration] {
        let names = section?.entries.map(\.key) ?? []
        for entry in cleanups?.entries ?? [] {
            guard case .section = entry.value.content, let cleanup = cleanups?.section(entry.key) else { continue }
            guard let written = cleanup.entry("storage")?.value, case .scalar(let scalar) = written.content else {
                continue
            }
            guard !scalar.isVoid, !names.contains(scalar.text) else { continue }
            let isEmpty = names.isEmpty
            cleanup.problem(
                "storage",
                isEmpty
                    ? "expected the name of a bucket under storage, but storage is empty"
                    : cleanup.unknown("storage \(written.noun)", scalar.text, names))
        }
        guard let section else { return [] }
        return section.entries.compactMap { StorageConfiguration($0, in: section) }
    }

    /// A name without characters that bucket names don't have and URLs interpret.
    private static func bucket(_ text: String) -> String? {
        guard word(text) != nil, !text.contains("/"), text != ".", text != "..", text.utf8.count <= 255 else {
            return nil
        }
        return text
    }

    /// One word of visible ASCII, because it becomes part of a header.
    private static func word(_ text: String) -> String? {
        !text.isEmpty && text.utf8.allSatisfy { (0x21...0x7E).contains($0) } ? text : nil
    }

    /// A word that messages must not quote.
    private static func secret(_ key: String, isRequired: Bool, in section: Section) -> Secret? {
        guard let scalar = section.scalar(key, isRequired: isRequired, expected: "a secret") else { return nil }
        if let text = word(scalar.text) { return Secret(text) }
        section.problem(key, "expected one word of visible ASCII, found something else (not shown: it is a secret)")
        return nil
    }
}
