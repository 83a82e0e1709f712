extension CurfewConfiguration {
    /// What an age counts from.
    public struct Start: Sendable, ExpressibleByStringLiteral, ExpressibleByArrayLiteral {
        let setting: Setting

        /// The first of these fields that has a time.
        public static func first(of fields: [String]) -> Start { Start(setting: .list(fields)) }

        /// The latest of these fields that have a time.
        public static func latest(of fields: [String]) -> Start {
            var keys = SettingKeys()
            keys.add("latest", .list(fields))
            return Start(setting: keys.setting)
        }

        /// A field with a time, plus the numbers in other fields.
        ///
        /// - Parameters:
        ///   - fields: the field with the time, then those with the numbers.
        ///   - unit: the unit of the numbers: `ns`, `us`, `ms`, `s`, `m`, `h` or `d`.
        public static func sum(of fields: [String], unit: String) -> Start {
            var keys = SettingKeys()
            keys.add("sum", .list(fields))
            keys.add("unit", unit)
            return Start(setting: keys.setting)
        }

        private init(setting: Setting) { self.setting = setting }

        /// A field.
        public init(stringLiteral field: String) { self = Start(setting: .text(field)) }

        /// The first of these fields that has a time.
        public init(arrayLiteral fields: String...) {
            self = fields.count == 1 ? Start(stringLiteral: fields[0]) : .first(of: fields)
        }
    }

    /// How old a record may become.
    public struct Limit: Sendable {
        let setting: Setting

        /// The same for every record.
        public static func after(_ duration: Duration) -> Limit { Limit(setting: .duration(duration)) }

        /// What the record itself says.
        ///
        /// - Parameters:
        ///   - field: the field with a number.
        ///   - unit: what the number counts: `ns`, `us`, `ms`, `s`, `m`, `h` or `d`.
        ///   - otherwise: for records that have none; nil if that is the record's error.
        public static func field(_ field: String, unit: String, otherwise: Duration? = nil) -> Limit {
            var keys = SettingKeys()
            keys.add("field", field)
            keys.add("unit", unit)
            keys.add("default", otherwise)
            return Limit(setting: keys.setting)
        }
    }

    /// What shows that somebody works on a record.
    public struct SignOfLife: Sendable, ExpressibleByStringLiteral {
        let setting: Setting

        /// A key that exists, such as `worker:<workerId>:alive`.
        public init(stringLiteral key: String) { setting = .text(key) }

        private init(_ keys: SettingKeys) { setting = keys.setting }

        /// A time at a key, or in a field of the hash there, that isn't older than that.
        public static func time(at key: String, field: String? = nil, within: Duration) -> SignOfLife {
            var keys = SettingKeys()
            keys.add("key", key)
            keys.add("field", field)
            keys.add("within", within)
            return SignOfLife(keys)
        }

        /// A member of a set, list, hash or sorted set.
        ///
        /// - Parameters:
        ///   - member: the member, such as `<workerId>`.
        ///   - key: the key.
        ///   - within: for a sorted set whose scores are times: how old the score may be.
        public static func member(_ member: String, of key: String, within: Duration? = nil) -> SignOfLife {
            var keys = SettingKeys()
            keys.add("in", key)
            keys.add("member", member)
            keys.add("within", within)
            return SignOfLife(keys)
        }
    }

    /// Times by the type of a record.
    public struct Types: Sendable {
        let setting: Setting

        /// - Parameters:
        ///   - field: the field with the type.
        ///   - times: type → its time.
        public init(by field: String, _ times: [String: Duration]) {
            self.init(by: field, rules: times.mapValues(Setting.duration))
        }

        /// - Parameters:
        ///   - field: the field with the type.
        ///   - rules: type → its time, or a section with its rules as in the file.
        public init(by field: String, rules: [String: Setting]) {
            var keys = SettingKeys()
            keys.add("by", field)
            keys.add(rules)
            setting = keys.setting
        }
    }

    /// When a stuck record is tried again.
    public struct Retry: Sendable {
        /// The most recoveries within the window, and the most attempts in total, 0–100.
        public var limit: Int
        /// How long a recovery counts; nil for three days.
        public var window: Duration?
        /// The status of a retried record; nil if effects in ``more`` write it.
        public var to: String?
        /// The list, sorted set or stream that gets its id.
        public var queue: String?
        /// The application's counter of attempts; nil for `attempts`.
        public var attempts: String?
        /// Further keys of the file, such as the effects `set` and `put`.
        public var more: [String: Setting] = [:]

        /// Retries up to a limit.
        public init(limit: Int, to: String? = nil, queue: String? = nil, window: Duration? = nil) {
            (self.limit, self.to, self.queue, self.window) = (limit, to, queue, window)
        }

        var setting: Setting {
            var keys = SettingKeys()
            keys.add("limit", limit)
            keys.add("window", window)
            keys.add("to", to)
            keys.add("queue", queue)
            keys.add("attempts", attempts)
            keys.add(more)
            return keys.setting
        }
    }

    /// What is paid back for a failed record.
    public struct Refund: Sendable {
        /// The field with the charge.
        public var amount: String
        /// The key of the balance, such as `user:<userId>:tokens`.
        public var balance: String
        /// The field of the balance, if it is in a hash.
        public var balanceField: String?
        /// The hash with the refunds, so that each charge is paid back once.
        public var ledger: String
        /// Further keys of the file, such as `record`.
        public var more: [String: Setting] = [:]

        /// A refund to a balance.
        public init(amount: String, balance: String, field: String? = nil, ledger: String) {
            (self.amount, self.balance, balanceField, self.ledger) = (amount, balance, field, ledger)
        }

        var setting: Setting {
            var keys = SettingKeys()
            keys.add("amount", amount)
            if let balanceField {
                var inner = SettingKeys()
                inner.add("key", balance)
                inner.add("field", balanceField)
                keys.add("balance", inner)
            } else {
                keys.add("balance", balance)
            }
            keys.add("ledger", ledger)
            keys.add(more)
            return keys.setting
        }
    }
}
