internal import Policies

/// What is done also where Redis has no memory left: `DEL`, `RENAME` and `ZREM` by hand pass there, too.
extension Change {
    /// Whether it only removes or frees; a claim writes a word, so that an object can go and its record after it.
    var frees: Bool {
        let isSmall = removesRecord ? sets.isEmpty : isClaim
        let isDrop = action == .drop && sets.isEmpty
        return (isSmall || isDrop) && document == nil && refund == nil && push == nil && note == nil
    }

    /// Why it was made, short, for an event that says no more.
    var briefReason: String {
        "\(reason.shortened(to: 100)) (Redis is full: what it was like is not noted)"
    }
}

extension Evaluation {
    /// Whether what is written of it only removes or frees; an entry of the index that moves takes no more room.
    var frees: Bool {
        switch decision {
        case .change(let change): change.frees
        case .leave(let leave): leave.remember == nil
        case .drop, .malformed: true
        }
    }
}

extension [Evaluation] {
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
