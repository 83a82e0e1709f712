/// What is put into a key beside the record with a change: the key `put` of an effect, or `record` of a refund.
package struct PutRule: Sendable, Equatable {
    /// What is put there.
    package enum Content: Sendable, Equatable {
        /// The record's id.
        case id
        /// A text with gaps.
        case text(KeyTemplate)
        /// Fields with gaps: as they are into a stream, and as JSON into anything else.
        case fields([Field])
        /// The same, and as they are into a hash too.
        case entry([Field])
        /// JSON with gaps.
        case document(JSONTemplate)
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
    /// Whether it only tells people of the change, so that bytes which no JSON can hold may be replaced.
    package var isTold = false
    /// What is changed on the way in JSON that is put there: paths with values.
    package var with: [(path: String, value: JSONTemplate)] = []

    /// Whether two are the same.
    package static func == (one: PutRule, other: PutRule) -> Bool {
        one.to == other.to && one.kind == other.kind && one.isAtHead == other.isAtHead && one.score == other.score
            && one.field == other.field && one.content == other.content && one.keptFor == other.keptFor
            && one.isTold == other.isTold && one.with.map(\.path) == other.with.map(\.path)
            && one.with.map(\.value) == other.with.map(\.value)
    }

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
            case .fields(let fields), .entry(let fields): fields.compactMap(\.value)
            case .document(let document): document.templates
            }
        return [to] + [score, field].compactMap { $0 } + contents + with.flatMap(\.value.templates)
    }

    /// The fields of the record that it takes.
    package var fields: [String] { unique(templates.flatMap(\.effectFields)) }

    /// Whether what stands there may be written over; a list and a stream only grow.
    var mayWriteOver: Bool { content != .id && kind != .list && kind != .stream }

    /// What must be known before a change can be made: what stands where something is put, so that an undo can put it back.
    func questions(_ push: Push, _ facts: EffectFacts) -> [Question] {
        push.questions(about: facts.record)
    }

    /// The same push with what stands there now, and the guards that it still does; throws where that can't be told.
    func over(_ push: Push, _ facts: EffectFacts) throws(RecordError) -> (push: Push, guards: [Guard]) {
        try push.over(facts.record)
    }

    /// What is put where for a change; throws where the record lacks what a template names.
    ///
    /// - Parameter field: the field of a hash where the rule names none.
    func push(_ facts: EffectFacts, field other: String? = nil) throws(RecordError) -> Push {
        var push = Push(
            key: try to.fill(facts, as: .key), kind: kind, isAtHead: isAtHead, content: .id, keptFor: keptFor)
        if let score {
            let text = try score.fill(facts, as: .text)
            guard let number = Double(text), number.isFinite, number != 0 || Self.isZero(text) else {
                throw RecordError("the score of \(push.key) would be “\(text)”: expected a number that is a score")
            }
            push.score = text
        }
        if let field {
            push.field = try field.fill(facts, as: .text)
        } else if kind == .hash, !spreads {
            push.field = other
        }
        switch content {
        case .id: break
        case .text(let template): push.content = .text(try changed(template.fill(facts, as: .text), facts))
        case .document(let document): push.content = .text(try document.text(facts, isTold: isTold))
        case .fields(let fields), .entry(let fields):
            var writes: [FieldWrite] = []
            var members: [String] = []
            for field in fields {
                let value = try field.value?.fill(facts, as: .text) ?? ""
                writes.append(FieldWrite(field: field.name, value: value))
                let valid = value.validText
                // As the fields of a stream or a hash the bytes stay as they are.
                guard isTold || valid == value || kind == .stream || (kind == .hash && spreads) else {
                    throw RecordError("\(field.name) holds bytes that are no UTF-8: no JSON can have them")
                }
                let text = field.isNumber ? value : JSONRecord.quoted(valid)
                members.append("\(JSONRecord.quoted(field.name)):\(text)")
            }
            push.content = .fields(writes, json: "{\(members.joined(separator: ","))}")
        }
        return push
    }

    /// The text with what is changed on the way; throws where it is no JSON.
    private func changed(_ text: String, _ facts: EffectFacts) throws(RecordError) -> String {
        var text = text
        for (path, value) in with {
            do throws(RecordError) {
                text = try JSONRecord.setting(path, toJSON: value.text(facts), in: text)
            } catch {
                throw RecordError("what is put into \(to.text), with \(path): \(error.message)")
            }
        }
        return text
    }

    /// Whether a text says 0, and not a number that is too small to be one.
    static func isZero(_ text: String) -> Bool {
        text.prefix { $0 != "e" && $0 != "E" && $0 != "p" }.allSatisfy { !("1"..."9").contains($0) }
    }

    /// Whether the fields go into a hash one by one.
    private var spreads: Bool { if case .entry = content { true } else { false } }

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
        // What stands there is looked at before it is written over.
        let looks: [[String]] = [.list, .stream].contains(kind) ? [["TYPE"]] : [["TYPE"], ["PTTL"]]
        return KeyUse(role, to, looks + commands)
    }
}
