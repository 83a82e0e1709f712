internal import Policies

/// What is put into a key in another slot, as words: nothing more where it is the record's id.
extension Push {
    /// The words after key, kind and score: the field, how long it is kept in milliseconds, and the content.
    var more: [String] {
        let head = [field ?? "", keptFor.map { String($0.milliseconds) } ?? ""]
        return switch content {
        case .id: field == nil && keptFor == nil ? [] : head
        case .text(let text): head + [text]
        case .fields(let fields, let json): head + [json] + fields.flatMap { [$0.field, $0.value ?? ""] }
        }
    }

    /// Reads these words; false if they are none.
    mutating func read(more words: ArraySlice<String>) -> Bool {
        let words = Array(words)
        guard !words.isEmpty else { return true }
        guard words.count >= 2, words[1].isEmpty || Int64(words[1]) != nil else { return false }
        field = words[0].isEmpty ? nil : words[0]
        keptFor = Int64(words[1]).map { .milliseconds($0) }
        switch words.count {
        case 2: return true
        case 3: content = .text(words[2])
        default:
            guard words.count % 2 == 1 else { return false }
            let fields = stride(from: 3, to: words.count, by: 2).map {
                FieldWrite(field: words[$0], value: words[$0 + 1])
            }
            content = .fields(fields, json: words[2])
        }
        return true
    }
}
