module albums

go 1.24

require koodrive v0.0.0

replace koodrive => ../../../bindings/go
