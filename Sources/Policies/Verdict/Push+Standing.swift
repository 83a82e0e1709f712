/// What is written over by something that is put into a key.
extension Push {
    /// What must be known before it is put there: what stands in its place, so that an undo can put that back.
    package func questions(about record: Record) -> [Question] {
        guard writesOver else { return [] }
        return asked(record).filter { record.answers[$0] == nil }
    }

    /// The same with what stands there now, and the guards that it still does; throws where that can't be told.
    package func over(_ record: Record) throws(RecordError) -> (push: Push, guards: [Guard]) {
        guard writesOver else { return (self, []) }
        var push = self
        var guards: [Guard] = []
        for case .standing(let key, let member) in asked(record) {
            let standing: Standing?
            do throws(RecordError) {
                standing = try record.standing(of: member, in: key)
            } catch {
                // Where nobody says what the key is, it may be a list, of which nothing needs to be known.
                guard kind == nil else { throw error }
                standing = nil
            }
            push.earlier.append(standing)
            switch (standing, kind) {
            case (.hash(let value)?, .hash?): guards.append(.otherField(key: key, field: member, equals: value))
            case (.text(let text, _)?, .text?): guards.append(.otherText(key: key, equals: text))
            case (.zset(let score)?, _): guards.append(.scored(key: key, member: member, score: score))
            case (.set?, _): guards.append(.contains(key: key, member: member))
            case (nil, .hash?): guards.append(.otherField(key: key, field: member, equals: nil))
            case (nil, .text?): guards.append(.keyAbsent(key))
            // What is of another type is refused when it is written.
            case (.list?, _), (.stream?, _), (.hash?, _), (.text?, _), (nil, _): continue
            }
        }
        return (push, guards)
    }

    /// A list and a stream only grow.
    private var writesOver: Bool { content != .id && ![.list, .stream].contains(kind) }

    private func asked(_ record: Record) -> [Question] {
        traces(id: record.id).map { trace in
            let member = kind == .hash ? trace.field : kind == .text ? "" : trace.member
            return .standing(key: key, member: member ?? "")
        }
    }
}
