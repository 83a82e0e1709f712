/// What a node of a cluster answers in place of a result when a command is to be sent elsewhere, or later.
///
/// In all these cases the command was not carried out.
enum Redirection: Equatable {
    /// The slot is served by another node, now and later: `MOVED 3999 127.0.0.1:6381`.
    case moved(slot: Int, to: RedisConfiguration.Address)
    /// Only this time, and after `ASKING`: `ASK 3999 127.0.0.1:6381`.
    ///
    /// The slot is on its way there, and the key has gone already.
    case asking(RedisConfiguration.Address)
    /// The same again after a while: some keys of the command are still on the way, a node is loading its data, or the
    /// nodes have not agreed yet on who takes over from one that failed.
    case later

    /// Reads an answer; nil for any other error.
    ///
    /// - Parameter address: who answered. A node that doesn't know its own name leaves the host out.
    init?(_ error: RedisServerError, from address: RedisConfiguration.Address) {
        switch error.code {
        case "TRYAGAIN", "CLUSTERDOWN", "LOADING", "MASTERDOWN", "READONLY": self = .later
        case "MOVED", "ASK":
            let words = error.message.split(separator: " ")
            guard words.count == 3, let slot = Int(words[1]), (0..<RedisSlot.count).contains(slot),
                let target = Self.address(words[2], from: address)
            else { return nil }
            self = error.code == "ASK" ? .asking(target) : .moved(slot: slot, to: target)
        default: return nil
        }
    }

    private static func address(
        _ text: Substring, from address: RedisConfiguration.Address
    ) -> RedisConfiguration.Address? {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (1...65_535).contains(port)
        else { return nil }
        return address.neighbor(String(text[..<colon]), port: port)
    }
}

extension RedisConfiguration.Address {
    /// The address of another node, as this one names it: without a host, or with `?`, it is on the host of this one.
    func neighbor(_ host: String?, port: Int) -> RedisConfiguration.Address? {
        if let host, !host.isEmpty, host != "?" { return .host(host, port: port) }
        guard case .host(let own, _) = self else { return nil }
        return .host(own, port: port)
    }
}
