internal import Policies
internal import RedisClient

/// Checks whether refunds may be paid, on one node of a cluster: `curfew_look` in `parts.lua`.
///
/// It is asked for every refund, so it has no word that says nothing: amounts aren't sent.
struct RefundLookupCall: FunctionCall {
    private var ledgers = RedisCommand(capacity: 4 << 10)
    private var texts = RedisCommand(capacity: 4 << 10)
    private var fields = RedisCommand(capacity: 0)
    /// Whose they are, by the number that the caller has for them.
    private var ledgersOf: [Int] = []
    private var textsOf: [Int] = []
    private var fieldsOf: [Int] = []

    /// Adds the question whether a ledger has an entry, for whoever has that number.
    mutating func add(ledger: String, entry: String, of number: Int) {
        ledgers.append(ledger)
        ledgers.append(entry)
        ledgersOf.append(number)
    }

    /// Adds the question whether a balance is a number to which any plain amount can be added (``isPlain(_:)``).
    mutating func add(balance: String, field: String?, of number: Int) {
        guard let field else {
            texts.append(balance)
            textsOf.append(number)
            return
        }
        fields.append(balance)
        fields.append(field)
        fieldsOf.append(number)
    }

    /// Whether an amount is whole, and far from what a 64-bit number holds.
    static func isPlain(_ amount: Amount) -> Bool {
        amount.scale == 0 && amount > -1_000_000_000_000_000 && amount < 1_000_000_000_000_000
    }

    var command: RedisCommand {
        var command = RedisFunction.look.command(keys: [], [String(ledgersOf.count), String(textsOf.count)])
        for words in [ledgers, texts, fields] { command.append(wordsOf: words) }
        return command
    }

    /// Those that need a closer look, by the numbers that they were added with.
    func answer(_ reply: RedisValue) throws(CurfewError) -> [Int] {
        let asked = ledgersOf + textsOf + fieldsOf
        var numbers: [Int] = []
        for position in reply.elements {
            guard let place = position.place(among: asked.count) else {
                throw CurfewError(
                    .damaged, "\(RedisFunction.look.rawValue) returned an answer for a key that was not in the call")
            }
            numbers.append(asked[place])
        }
        return numbers
    }
}

extension RedisValue {
    /// The position, from 0, for a number of a function, from 1; nil if it is out of range.
    func place(among count: Int) -> Int? {
        guard let number = integer, number >= 1, number <= count else { return nil }
        return Int(number) - 1
    }
}
