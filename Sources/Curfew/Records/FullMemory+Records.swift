extension Tally {
    /// Whether an error of a record says that there was no memory left.
    static func isOfFullMemory(_ error: String) -> Bool {
        let code = FullMemory.code + " "
        return error.hasPrefix(code) || error.contains(": " + code)
    }
}

extension [Judged] {
    /// Whether something of it removes or frees; otherwise there is no use in a page where Redis has no memory left.
    var hasFreeing: Bool {
        contains { judged in
            switch judged.decision {
            case .change(let change): change.frees
            case .drop: true
            case .leave, .malformed: false
            }
        }
    }
}
