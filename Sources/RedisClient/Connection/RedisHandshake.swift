/// The handshake: `AUTH`, `CLIENT SETNAME`, `SELECT`, `ROLE`, `PING`, sent together and answered in order.
///
/// A connection counts as open only if the server accepted the credentials, selected the database and serves commands,
/// and, if Sentinels named it, reports that it is the primary. An ignored `SELECT` error would leave a program that
/// deletes data on database 0.
struct RedisHandshake {
    private enum Step {
        case authenticate, setName, select, role, ping
    }

    /// The meaning of an answer.
    enum Outcome {
        /// More answers follow.
        case more
        /// The connection is open.
        case open
        /// The connection failed.
        case refused(RedisError)
    }

    /// The commands, in order.
    let commands: [RedisCommand]
    private var steps: ArraySlice<Step>
    private let address: String
    /// Whether the password looks percent-encoded.
    private let looksEncoded: Bool

    /// Creates the handshake for a configuration.
    init(_ configuration: RedisConfiguration) {
        var commands: [RedisCommand] = []
        var steps: [Step] = []
        if let credentials = configuration.credentials {
            let user = credentials.user.map { [$0] } ?? []
            commands.append(RedisCommand("AUTH", user + [credentials.password]))
            steps.append(.authenticate)
        }
        commands.append(RedisCommand("CLIENT", ["SETNAME", configuration.clientName]))
        steps.append(.setName)
        if configuration.database != 0 {
            commands.append(RedisCommand("SELECT", [String(configuration.database)]))
            steps.append(.select)
        }
        if case .sentinel = configuration.topology {
            commands.append(RedisCommand("ROLE"))
            steps.append(.role)
        }
        commands.append(RedisCommand("PING"))
        steps.append(.ping)
        self.commands = commands
        self.steps = steps[...]
        address = configuration.address.description
        let password = configuration.credentials?.password ?? ""
        looksEncoded = password.contains(/%[0-9A-Fa-f]{2}/)
    }

    /// Processes the next answer.
    mutating func received(_ value: RedisValue) -> Outcome {
        guard let step = steps.popFirst() else {
            return .refused(RedisError(.protocolViolation, "an unexpected answer", address: address))
        }
        if let error = value.error, let refusal = refusal(error, step) { return .refused(refusal) }
        if case .role = step, value[0].string != "master" { return .refused(replica(value)) }
        return steps.isEmpty ? .open : .more
    }

    private func replica(_ role: RedisValue) -> RedisError {
        let isReplica = role[0].string == "slave"
        let what = isReplica ? "a replica of \(role[1].string ?? "?"):\(role[2].string ?? "?")" : "a \(role[0])"
        return RedisError(
            .notPrimary, "a Sentinel names this server as the primary, but it is \(what): the Sentinel is out of date",
            command: "ROLE", address: address)
    }

    private func refusal(_ error: RedisServerError, _ step: Step) -> RedisError? {
        let isAway = ["LOADING", "MASTERDOWN", "BUSY", "DENIED"].contains(error.code)
        if isAway || error.message.contains("max number of clients") {
            return RedisError(.unreachable, "the server answered “\(error)”", address: address, server: error)
        }
        if error.code == "NOAUTH", step != .setName {
            let message = "the server requires a password (“\(error)”)"
            return RedisError(.authentication, message, address: address, server: error)
        }
        switch step {
        case .authenticate:
            let hint =
                looksEncoded ? "; the password contains %, which is used literally and no longer decoded" : ""
            let message = "signing in was refused (“\(error)”\(hint))"
            return RedisError(.authentication, message, address: address, server: error)
        case .select:
            let message = "the database cannot be selected (“\(error)”)"
            return RedisError(.server, message, command: "SELECT", address: address, server: error)
        case .role:
            let message = "the server doesn't report whether it is the primary (“\(error)”)"
            return RedisError(.server, message, command: "ROLE", address: address, server: error)
        case .setName:
            // The connection name is optional, and an ACL may forbid it.
            return nil
        case .ping:
            if error.code == "NOPERM" { return nil }
            return RedisError(.server, "“\(error)”", command: "PING", address: address, server: error)
        }
    }
}
