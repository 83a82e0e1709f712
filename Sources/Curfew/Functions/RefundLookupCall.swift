internal import Policies
internal import RedisClient

/// Checks whether refunds may be paid, on one node of a cluster: `curfew_look` in `parts.lua`.
struct RefundLookupCall: FunctionCall {
    private var ledgers = RedisCommand(capacity: 4 << 10)
    private var balances = RedisCommand(capacity: 4 << 10)

    /// Adds the question whether a ledger has an entry.
    mutating func add(ledger: String, entry: String) {
        ledgers.append(ledger)
        ledgers.append(entry)
    }

    /// Adds the question whether an amount can be added to a balance.
    mutating func add(balance: String, field: String?, amount: Amount) {
        balances.append(balance)
        balances.append(field ?? "")
        balances.append(String(amount))
    }

    var command: RedisCommand {
        var command = RedisFunction.look.command(keys: [], [String(ledgers.count / 2)])
        command.append(wordsOf: ledgers)
        command.append(wordsOf: balances)
        return command
    }

    /// The positions that need a closer look: first the ledgers in the order of addition, then the balances.
    func answer(_ reply: RedisValue) throws(CurfewError) -> [Int] {
        let count = ledgers.count / 2 + balances.count / 3
        var places: [Int] = []
        for position in reply.elements {
            guard let place = position.place(among: count) else {
                throw CurfewError(
                    .damaged, "\(RedisFunction.look.rawValue) returned an answer for a key that was not in the call")
            }
            places.append(place)
        }
        return places
    }
}

extension RedisValue {
    /// The position, from 0, for a number of a function, from 1; nil if it is out of range.
    func place(among count: Int) -> Int? {
        guard let number = integer, number >= 1, number <= count else { return nil }
        return Int(number) - 1
    }
}
