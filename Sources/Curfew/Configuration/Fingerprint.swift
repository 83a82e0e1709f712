internal import Policies
internal import RedisClient

/// A short hash of the meaning of a configuration.
enum Fingerprint {
    /// 16 hexadecimal digits: 64-bit FNV-1a over the tree in canonical form.
    ///
    /// Canonical means: sorted keys, expanded values, durations in milliseconds, a list of one text as that text, and
    /// no secrets, because a weak one could be guessed from the hash. Each text is preceded by its length, so that
    /// different trees have different forms.
    ///
    /// - Parameter path: the place of the tree in the file.
    static func of(_ root: YAMLNode, at path: [String] = []) -> String { of(canonical(root, at: path)) }

    /// The same for any text.
    static func of(_ text: String) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in ByteText.bytes(of: text) {
            hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
        }
        return hash.hexadecimal
    }

    private static func canonical(_ node: YAMLNode, at path: [String]) -> String {
        switch node.content {
        case .nothing, .unreadable: return "-"
        case .scalar(let scalar):
            let text = Duration(text: scalar.text).map { "\($0.milliseconds)ms" } ?? scalar.text
            return "\(ByteText.count(of: text)):\(text)"
        case .list(let items):
            let forms = items.map { canonical($0, at: path + ["-"]) }
            return forms.count == 1 ? forms[0] : "[\(forms.joined(separator: ","))]"
        case .section(let entries):
            let forms = entries.filter { !SecretKeys.cover(path + [$0.key]) }.sorted { $0.key < $1.key }
                .map { "\(ByteText.count(of: $0.key)):\($0.key)=\(canonical($0.value, at: path + [$0.key]))" }
            return "{\(forms.joined(separator: ","))}"
        }
    }
}
