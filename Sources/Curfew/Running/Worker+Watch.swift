internal import Synchronization

extension Worker {
    /// Whether this instance is the one that looks after what concerns all, as far as it knows.
    ///
    /// Of the instances with the same configuration there is one; for up to a heartbeat after it died there is none.
    package var isWatching: Bool { state.withLock(\.isWatching) }

    /// Takes what the answer to a heartbeat says of the other instances.
    func hear(_ answer: TickAnswer) {
        let background = state.withLock { state in
            state.isWatching = answer.owing != nil
            return state.background
        }
        background.count(answer.mates)
    }
}
