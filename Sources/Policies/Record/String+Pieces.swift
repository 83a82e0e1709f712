extension String {
    /// The pieces one after the other, in memory of just their size, or in none where they are short.
    ///
    /// Several times as fast as appending them to each other: for texts that are made for every record of a sweep.
    package init(pieces: [String]) {
        let size = pieces.reduce(0) { $0 + $1.utf8.count }
        self.init(unsafeUninitializedCapacity: size) { target in
            var place = 0
            func write(_ utf8: UnsafeBufferPointer<UInt8>) {
                place += UnsafeMutableBufferPointer(rebasing: target[place...]).initialize(fromContentsOf: utf8)
            }
            for piece in pieces where piece.utf8.withContiguousStorageIfAvailable(write) == nil {
                Array(piece.utf8).withUnsafeBufferPointer(write)
            }
            return place
        }
    }
}
