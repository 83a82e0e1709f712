/// What is put into a key beside the record with a change: the key `put` of an effect, or `record` of a refund.
package struct PutRule: Sendable, Equatable {
    /// What is put there.
    package enum Content: Sendable, Equatable {
        /// The record's id.
        case id
        /// A text with gaps.
        case text(KeyTemplate)
        /// Fields with gaps: as they are into a stream or a hash, and as JSON into anything else.
        case fields([Field])
    }

    /// A field of what is put there.
    package struct Field: Sendable, Equatable {
        /// Its name.
        package var name: String
        /// Its value; nil: empty.
        package var value: KeyTemplate?

        /// Makes it.
        package init(name: String, value: KeyTemplate?) {
            self.name = name
            self.value = value
        }

        /// Whether it is a number in JSON: where its value is one word that stands for a whole number.
        var isNumber: Bool {
            guard let value, value.fields.count == 1, value.text == "<\(value.fields[0])>" else { return false }
            return EffectFacts.isNumber(value.fields[0])
        }
    }

    /// The key.
    package var to: KeyTemplate
    /// What it holds; nil if that is left to what is found there.
    package var kind: Push.Kind?
    /// Whether it goes to the head of a list.
    package var isAtHead: Bool
    /// The score in a sorted set.
    package var score: KeyTemplate?
    /// The field of a hash.
    package var field: KeyTemplate?
    /// What is put there.
    package var content: Content
    /// How long a text is kept; nil: for ever.
    package var keptFor: Duration?

    /// Makes it.
    package init(
        to: KeyTemplate, kind: Push.Kind? = nil, isAtHead: Bool = false, score: KeyTemplate? = nil,
        field: KeyTemplate? = nil, content: Content = .id, keptFor: Duration? = nil
    ) {
        self.to = to
        self.kind = kind
        self.isAtHead = isAtHead
        self.score = score
        self.field = field
        self.content = content
        self.keptFor = keptFor
    }

    /// What the transaction of a refund says where the file doesn't.
    package static func transaction() throws(TemplateError) -> Content {
        let words = [
            ("type", "REFUND"), ("amount", "<amount>"), ("reason", "<reason>"), ("job", "<id>"), ("time", "<now>"),
        ]
        var fields: [Field] = []
        for (name, text) in words { fields.append(Field(name: name, value: try KeyTemplate(text))) }
        return .fields(fields)
    }

    /// The templates that it has.
    package var templates: [KeyTemplate] {
        let contents: [KeyTemplate] =
            switch content {
            case .id: []
            case .text(let text): [text]
            case .fields(let fields): fields.compactMap(\.value)
            }
        return [to] + [score, field].compactMap { $0 } + contents
    }

    /// The fields of the record that it takes.
    package var fields: [String] { unique(templates.flatMap(\.effectFields)) }

    /// What is put where for a change; throws where the record lacks what a template names.
    func push(_ facts: EffectFacts) throws(RecordError) -> Push {
        var push = Push(
            key: try to.fill(facts, as: .key), kind: kind, isAtHead: isAtHead, content: .id, keptFor: keptFor)
        if let score {
            let text = try score.fill(facts, as: .text)
            guard let number = Double(text), number.isFinite else {
                throw RecordError("the score of \(push.key) would be “\(text)”: expected a number")
            }
            push.score = text
        }
        if let field { push.field = try field.fill(facts, as: .text) }
        switch content {
        case .id: break
        case .text(let template): push.content = .text(try template.fill(facts, as: .text))
        case .fields(let fields):
            var writes: [FieldWrite] = []
            var members: [String] = []
            for field in fields {
                let value = try field.value?.fill(facts, as: .text) ?? ""
                writes.append(FieldWrite(field: field.name, value: value))
                members.append("\(JSONRecord.quoted(field.name)):\(field.isNumber ? value : JSONRecord.quoted(value))")
            }
            push.content = .fields(writes, json: "{\(members.joined(separator: ","))}")
        }
        return push
    }

    /// What is done at the key.
    func use(_ role: KeyUse.Role) -> KeyUse {
        let commands: [[String]] =
            switch kind {
            case nil: [["RPUSH", "x"], ["LPOS", "x"], ["LREM", "-1", "x"]]
            case .list?: [[isAtHead ? "LPUSH" : "RPUSH", "x"], ["LPOS", "x"], ["LREM", "-1", "x"]]
            case .zset?: [["ZADD", "1", "x"], ["ZSCORE", "x"], ["ZREM", "x"]]
            case .stream?: [["XADD", "*", "id", "x"]]
            case .set?: [["SADD", "x"], ["SISMEMBER", "x"], ["SREM", "x"]]
            case .hash?: [["HSET", "a", "x"], ["HGET", "a"], ["HDEL", "a"]]
            case .text?: [["SET", "x"], ["GET"], ["DEL"]]
            }
        return KeyUse(role, to, [["TYPE"]] + commands)
    }
}
