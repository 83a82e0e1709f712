/// The answer of a cluster node if a command must be sent elsewhere or later.
///
/// In all these cases the command was not executed.
enum Redirection: Equatable {
    /// Another node serves the slot from now on: `MOVED 3999 127.0.0.1:6381`.
    case moved(slot: Int, to: RedisConfiguration.Address)
    /// Another node serves the key, for this command only, after `ASKING`: `ASK 3999 127.0.0.1:6381`.
    ///
    /// The slot is being migrated, and the key has already moved.
    case asking(RedisConfiguration.Address)
    /// To be sent again after a while: some keys of the command are being migrated, a node is loading its data, or the
    /// nodes have not yet agreed on the successor of a failed one.
    case later

    /// Parses an answer; nil for any other error.
    ///
    /// - Parameter address: the node that answered. A node that doesn't know its own host omits it.
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
    /// The address of another node as this one names it: without a host, or with `?`, it is on the same host.
    func neighbor(_ host: String?, port: Int) -> RedisConfiguration.Address? {
        if let host, !host.isEmpty, host != "?" { return .host(host, port: port) }
        guard case .host(let own, _) = self else { return nil }
        return .host(own, port: port)
    }
}
