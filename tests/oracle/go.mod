// Small programs that know the right answers, for the tests of src/gomod.
module modgate.example/oracle

go 1.26.0

require golang.org/x/mod v0.42.0
