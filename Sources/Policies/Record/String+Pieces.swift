extension String {
    /// The pieces one after the other, in memory of just their size, or in none where they are short.
    ///
    /// Several times as fast as appending them to each other: for texts that are made for every record of a sweep.
    package init(pieces: [String]) {
        let size = pieces.reduce(0) { $0 + $1.utf8.count }
        self.init(unsafeUninitializedCapacity: size) { target in
            var place = 0
            for var piece in pieces {
                piece.withUTF8 { utf8 in
                    place += UnsafeMutableBufferPointer(rebasing: target[place...]).initialize(fromContentsOf: utf8)
                }
            }
            return place
        }
    }
}
