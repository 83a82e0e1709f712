internal import RedisClient

/// Looks whether refunds may be paid, on one node of a Cluster: `curfew_look` in `parts.lua`.
struct RefundLookupCall: FunctionCall {
    private var ledgers = RedisCommand(capacity: 4 << 10)
    private var balances = RedisCommand(capacity: 4 << 10)

    /// Asks whether a ledger has an entry.
    mutating func add(ledger: String, entry: String) {
        ledgers.append(ledger)
        ledgers.append(entry)
    }

    /// Asks whether an amount can be added to a balance.
    mutating func add(balance: String, amount: Int64) {
        balances.append(balance)
        balances.append(amount)
    }

    var command: RedisCommand {
        var command = RedisFunction.look.command(keys: [], [String(ledgers.count / 2)])
        command.append(wordsOf: ledgers)
        command.append(wordsOf: balances)
        return command
    }

    /// What must be looked at more closely, by its place: first the ledgers as they were added, then the balances.
    func answer(_ reply: RedisValue) throws(CurfewError) -> [Int] {
        let count = (ledgers.count + balances.count) / 2
        var places: [Int] = []
        for position in reply.elements {
            guard let place = position.place(among: count) else {
                throw CurfewError(
                    .damaged, "\(RedisFunction.look.rawValue) answered for a key that it was not asked about")
            }
            places.append(place)
        }
        return places
    }
}

extension RedisValue {
    /// What a function tells as a number from 1, as a place from 0; nil where there are fewer.
    func place(among count: Int) -> Int? {
        guard let number = integer, number >= 1, number <= count else { return nil }
        return Int(number) - 1
    }
}
