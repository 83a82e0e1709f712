internal import RedisClient

extension Doctor {
    /// What one Sentinel said.
    private struct SentinelField: Sendable {
        let sentinel: String
        /// The primary that it names; nil where it names none.
        var primary: String?
        /// What is wrong with it, or with what it watches.
        var trouble: String?
    }

    /// Every Sentinel that the configuration names: whether it answers, knows the primary, and could replace it.
    ///
    /// Curfew asks one after the other and works as long as one answers; those that don't are found out here.
    func sentinels() async -> [Finding] {
        let redis = store.redis.configuration
        guard case .sentinel(let sentinel) = redis.topology else { return [] }
        let words = await withTaskGroup(of: (Int, SentinelField).self) { group in
            for (position, configuration) in redis.sentinels.enumerated() {
                group.addTask { (position, await ask(configuration, about: sentinel.name)) }
            }
            return await group.reduce(into: []) { $0.append($1) }.sorted { $0.0 < $1.0 }.map(\.1)
        }
        let name = "sentinels"
        let named = Set(words.compactMap(\.primary)).sorted()
        let troubles = words.compactMap { word in word.trouble.map { "\(word.sentinel): \($0)" } }
        guard let primary = named.first else {
            return [
                Finding(
                    name, .problem, troubles.joined(separator: "; "),
                    advice: "check hosts, ports and the name in the configuration's redis URL")
            ]
        }
        guard named.count == 1 else {
            return [
                Finding(
                    name, .problem,
                    "they name different primaries of \(sentinel.name): \(named.joined(separator: ", "))",
                    advice: "see whether they reach each other; while a failover goes on, look again")
            ]
        }
        let count = words.count == 1 ? "1 Sentinel names" : "\(words.count) Sentinels name"
        guard troubles.isEmpty else {
            return [
                Finding(
                    name, .warning, troubles.joined(separator: "; "),
                    advice: "work goes on, the others name \(primary); see to it before the next failover")
            ]
        }
        return [Finding(name, .ok, "\(count) \(primary) the primary of \(sentinel.name), and can replace it")]
    }

    private func ask(_ configuration: RedisConfiguration, about name: String) async -> SentinelField {
        var word = SentinelField(sentinel: configuration.address.description)
        do {
            let replies = try await RedisClient.withClient(configuration, logger: store.logger) { sentinel in
                try await sentinel.pipeline([
                    RedisCommand("SENTINEL", ["GET-MASTER-ADDR-BY-NAME", name]),
                    RedisCommand("SENTINEL", ["CKQUORUM", name]),
                ])
            }
            if let host = replies[0][0].string, let port = replies[0][1].string { word.primary = "\(host):\(port)" }
            if let error = replies[0].error {
                word.trouble = "it refuses to answer (\(error))"
            } else if word.primary == nil {
                word.trouble = "it knows no primary called “\(name)”"
            } else if let error = replies[1].error, error.code == "NOQUORUM" {
                word.trouble = error.message
            }
        } catch {
            word.trouble = (error as? RedisError)?.message ?? "\(error)"
        }
        return word
    }
}
