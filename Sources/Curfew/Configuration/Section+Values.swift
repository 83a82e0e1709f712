internal import Policies

extension Section {
    /// The longest accepted duration, a hundred years: longer ones could overflow in sums.
    private static let longest = Duration.seconds(36_500 * 86_400)

    /// A text that isn't empty.
    func text(_ key: String, isRequired: Bool = false, expected: String = "a text") -> String? {
        value(key, isRequired: isRequired, expected: expected) { $0.isEmpty ? nil : $0 }
    }

    /// A secret text.
    ///
    /// If the environment leaves it empty, that is a problem: the file means to have a secret.
    /// - Parameter advice: how to make one.
    func secret(_ key: String, expected: String = "a text", advice: String = "") -> String? {
        if let entry = entry(key), case .scalar(let scalar) = entry.value.content, scalar.isVoid {
            problem(
                key,
                "\(entry.value.noun) is empty, expected \(expected): set the variable\(advice), or remove the key")
            return nil
        }
        return text(key, expected: expected)
    }

    /// A list of texts, or a single text without brackets; never empty.
    ///
    /// - Parameter allowsEmpty: whether an element may be empty or `null`, which is the same.
    func texts(_ key: String, isRequired: Bool = false, allowsEmpty: Bool = false) -> [String]? {
        let expected = "a text or a list of texts"
        guard let entry = entry(key), case .list(let items) = entry.value.content else {
            return text(key, isRequired: isRequired, expected: expected).map { [$0] }
        }
        guard !items.isEmpty else {
            problem(key, "is empty, expected \(expected)")
            return nil
        }
        let texts = items.compactMap { item -> String? in
            if case .scalar(let scalar) = item.content, !scalar.text.isEmpty { return scalar.text }
            if case .unreadable = item.content { return nil }
            if allowsEmpty, item.isEmpty { return "" }
            problems.add(line: item.line, path: path(of: key), "expected a text in the list, found \(item.noun)")
            return nil
        }
        return texts.count == items.count ? texts : nil
    }

    /// `true` or `false`.
    func flag(_ key: String) -> Bool? {
        value(key, expected: "true or false") { $0 == "true" ? true : $0 == "false" ? false : nil }
    }

    /// A whole number within a range.
    func integer(_ key: String, isRequired: Bool = false, in range: ClosedRange<Int>) -> Int? {
        let expected =
            range.upperBound == .max
            ? "a whole number from \(range.lowerBound)"
            : "a whole number from \(range.lowerBound) to \(range.upperBound)"
        return value(key, isRequired: isRequired, expected: expected) { text in
            text.hasPrefix("+") ? nil : Int(text).flatMap { range.contains($0) ? $0 : nil }
        }
    }

    /// A duration with a unit, greater than zero or not less than a minimum.
    func duration(
        _ key: String, isRequired: Bool = false, atLeast least: Duration? = nil, mayBeZero: Bool = false
    ) -> Duration? {
        let expected = "a duration like 30s, 15m, 1h30m or 7d"
        guard let scalar = scalar(key, isRequired: isRequired, expected: expected) else { return nil }
        guard let duration = Duration(text: scalar.text) else {
            let isBare = !scalar.isExpanded && Double(scalar.text) != nil && !scalar.text.hasPrefix("-")
            let number = scalar.text
            let hint = isBare ? "“\(number)” has no unit, write \(number)s, \(number)m or \(number)h" : nil
            problem(key, hint ?? "expected \(expected), found “\(scalar.written)”")
            return nil
        }
        if let least, duration < least {
            problem(key, "expected at least \(least.text), found “\(scalar.written)”")
        } else if duration < .zero || (duration == .zero && !mayBeZero) {
            problem(key, "expected more than 0, found “\(scalar.written)”")
        } else if duration > Self.longest {
            problem(key, "expected at most \(Self.longest.text), found “\(scalar.written)”")
        } else {
            return duration
        }
        return nil
    }

    /// One of several words.
    func choice<Choice: RawRepresentable<String>>(
        _ key: String, isRequired: Bool = false, _ choices: [Choice]
    ) -> Choice? {
        let words = choices.map(\.rawValue)
        let expected = "one of \(words.joined(separator: ", "))"
        guard let scalar = scalar(key, isRequired: isRequired, expected: expected) else { return nil }
        if let choice = choices.first(where: { $0.rawValue == scalar.text }) { return choice }
        problem(key, unknown("“\(scalar.written)”", scalar.text, words))
        return nil
    }
}
