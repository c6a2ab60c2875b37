module koodrive

go 1.24
