internal import RedisClient

/// The lines of a file that say where Redis is, without its password: that belongs into the environment.
package enum RedisLines {
    /// The lines for an address; as it is if it is none.
    package static func text(for url: String) -> String {
        let line = "redis: \(YAMLText.quoted(withoutSecrets(url).replacing("$", with: "$$")))"
        guard let credentials = credentials(in: url) else { return line }
        let user = credentials.user.map { "redis-user: \(YAMLText.scalar($0.held))\n" } ?? ""
        return "\(line)\n\(user)redis-password: \"${REDIS_PASSWORD:-}\""
    }

    private static func credentials(in url: String) -> RedisConfiguration.Credentials? {
        do {
            return try RedisConfiguration(url: url).credentials
        } catch {
            return nil
        }
    }

    private static func withoutSecrets(_ url: String) -> String {
        guard let scheme = url.firstRange(of: "://") else { return url }
        let rest = url[scheme.upperBound...]
        let end = rest.firstIndex { "/?".contains($0) } ?? rest.endIndex
        let hosts = rest[..<end].lastIndex(of: "@").map { rest[rest.index(after: $0)..<end] } ?? rest[..<end]
        let parts = rest[end...].split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let options = parts.dropFirst().flatMap { $0.split(separator: "&") }.filter { !$0.hasPrefix("sentinel-") }
        let tail = options.isEmpty ? "" : "?" + options.joined(separator: "&")
        return url[..<scheme.upperBound] + hosts + (parts.first ?? "") + tail
    }
}
